using System.CommandLine;
using System.CommandLine.Parsing;
using Slowrun.Core.Inference;

namespace Slowrun.Client.Cli;

/// <summary>The options of sampling.</summary>
internal sealed class SamplingOptions
{
    private readonly Option<string> prompt = new("--prompt")
    {
        Description = "Text to go on from. Default: the beginning of a document.",
        HelpName = "TEXT",
        DefaultValueFactory = _ => "",
    };

    private readonly Option<int> tokens = new("--tokens")
    {
        Description = "Tokens at most; fewer where the document ends.",
        HelpName = "N",
        DefaultValueFactory = _ => 200,
    };

    private readonly Option<double> temperature = new("--temperature")
    {
        Description = "Below 1: closer to the likeliest; 0: always that.",
        HelpName = "T",
        DefaultValueFactory = _ => 1,
    };

    private readonly Option<int?> topK = new("--top-k") { Description = "Choose among the K likeliest tokens alone.", HelpName = "K" };

    private readonly Option<long> seed = new("--seed")
    {
        Description = "The same seed gives the same text.",
        HelpName = "N",
        DefaultValueFactory = _ => 0,
    };

    private readonly Option<string> device = new("--device") { Description = "cpu, or cuda:I.", DefaultValueFactory = _ => "cpu" };

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[prompt, tokens, temperature, topK, seed, device])
        {
            command.Options.Add(option);
        }

        tokens.Validators.Add(result => Expect(result, tokens, value => value >= 1, "1 or more"));
        topK.Validators.Add(result => Expect(result, topK, value => value is null or >= 1, "1 or more"));
        temperature.Validators.Add(result => Expect(result, temperature, value => value >= 0 && double.IsFinite(value), "0 or more"));
    }

    public string Prompt(ParseResult parsed) => parsed.GetRequiredValue(prompt);

    /// <summary>A request without run, members and prompt, which the command line alone does not know.</summary>
    public SamplingRequest Read(ParseResult parsed) =>
        new()
        {
            Run = "",
            Members = [],
            Prompt = [],
            Tokens = parsed.GetValue(tokens),
            Temperature = parsed.GetValue(temperature),
            TopK = parsed.GetValue(topK),
            Seed = parsed.GetValue(seed),
            Device = parsed.GetRequiredValue(device),
        };

    private static void Expect<T>(OptionResult result, Option<T> option, Predicate<T?> holds, string expected)
    {
        if (result.Tokens.Count == 0)
        {
            return;
        }

        try
        {
            if (!holds(result.GetValueOrDefault<T>()))
            {
                result.AddError($"{option.Name}: found {result.Tokens[0].Value}, expected {expected}.");
            }
        }
        catch (InvalidOperationException e)
        {
            // What is no such value at all, the parser throws.
            result.AddError(e.Message);
        }
    }
}
