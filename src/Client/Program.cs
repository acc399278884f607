using System.CommandLine;

var root = new RootCommand("Trains ensembles of language models by chain distillation, on machines that may vanish.");
return await root.Parse(args).InvokeAsync();
