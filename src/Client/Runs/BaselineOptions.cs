using System.CommandLine;
using System.Globalization;
using Slowrun.Core.Efficiency;

namespace Slowrun.Client.Runs;

/// <summary>Which baselines <c>efficiency</c> trains.</summary>
internal sealed class BaselineOptions
{
    private readonly Option<bool> noTrain = new("--no-train")
    {
        Description = "Trains nothing: answers from the baselines that are there, and says which are missing.",
    };

    private readonly Option<string> points = new("--points")
    {
        Description = "Data of the baselines, over the run's; default: 1,2,4,… until the run's best loss is reached or the text ends.",
        HelpName = "N,N,…",
    };

    private readonly Option<string> sizes = new("--sizes")
    {
        Description = "Layers and width of the baselines of one pass; default: three about the run's model.",
        HelpName = "LxC,…",
    };

    private readonly Option<string> tunedSizes = new("--tuned-sizes")
    {
        Description = "The same of those of many passes; default: the run's model.",
        HelpName = "LxC,…",
    };

    private readonly Option<string> passes = new("--passes")
    {
        Description = "Numbers of passes that are tried; the best on the fitness set counts.",
        HelpName = "N,N,…",
        DefaultValueFactory = _ => "6,12,20",
    };

    private readonly Option<string> learningRates = new("--learning-rates")
    {
        Description = "Multipliers of the learning rates that are tried with many passes.",
        HelpName = "X,X,…",
        DefaultValueFactory = _ => "1",
    };

    public BaselineOptions()
    {
        Check(points, text => Whole(text, 64), "whole numbers from 1 to 64, ascending, such as 1,2,4");
        Check(sizes, BaselineSize.TryParse, "sizes such as 4x32,6x64: an even number of layers, and a width from 32");
        Check(tunedSizes, BaselineSize.TryParse, "sizes such as 4x32,6x64: an even number of layers, and a width from 32");
        Check(passes, text => Whole(text, 10_000), "whole numbers from 1 to 10000, ascending, such as 6,12,20");
        Check(learningRates, Positive, "numbers above 0, ascending, such as 0.5,1");
    }

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[noTrain, points, sizes, tunedSizes, passes, learningRates])
        {
            command.Options.Add(option);
        }
    }

    public EfficiencyWish Read(ParseResult parsed) =>
        new()
        {
            Train = !parsed.GetValue(noTrain),
            Multiples = [.. Values(parsed.GetValue(points), text => Whole(text, 64)).Select(value => (int)value!)],
            Sizes = [.. Values(parsed.GetValue(sizes), BaselineSize.TryParse).Select(value => value!)],
            TunedSizes = [.. Values(parsed.GetValue(tunedSizes), BaselineSize.TryParse).Select(value => value!)],
            Passes = [.. Values(parsed.GetValue(passes), text => Whole(text, 10_000)).Select(value => (int)value!)],
            LearningRates = [.. Values(parsed.GetValue(learningRates), Positive).Select(value => (double)value!)],
        };

    private static void Check<T>(Option<string> option, Func<string, T?> read, string expected) =>
        option.Validators.Add(result =>
        {
            var values = Values(result.GetValueOrDefault<string>(), read).ToList();
            var ascend = values
                .Zip(values.Skip(1))
                .All(pair => pair is not (IComparable first, IComparable second) || first.CompareTo(second) < 0);
            if (values.Any(value => value is null) || values.Distinct().Count() < values.Count || !ascend)
            {
                result.AddError($"{option.Name}: '{result.GetValueOrDefault<string>()}'; expected {expected}.");
            }
        });

    private static IEnumerable<T?> Values<T>(string? text, Func<string, T?> read) =>
        text is null ? [] : text.Split(',').Select(one => read(one.Trim()));

    private static int? Whole(string text, int most) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= 1 && value <= most ? value : null;

    private static double? Positive(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value)
        && value > 0
        && double.IsFinite(value)
            ? value
            : null;
}
