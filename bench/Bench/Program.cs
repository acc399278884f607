using static TorchSharp.torch;

Console.WriteLine($"threads: {get_num_threads()}");
