using System.CommandLine;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;

namespace Slowrun.Client.Cli;

/// <summary><c>--notify</c>: receivers of notices beside those of the spec.</summary>
internal sealed class NotifyOption
{
    private readonly Option<string[]> option = new("--notify")
    {
        Description =
            "Whom to tell, by a webhook, that the run has finished or failed, stands still, loses machines or diverges: env:NAME, a variable of "
            + "the silos' environment that holds the URL, or the URL where it is no secret. May be repeated.",
        HelpName = "URL",
    };

    public void AddTo(Command command) => command.Options.Add(option);

    /// <returns>The spec with them.</returns>
    /// <exception cref="SpecException">One of them is refused; the message does not show it.</exception>
    public RunSpec Added(ParseResult parsed, RunSpec spec)
    {
        if (parsed.GetValue(option) is not { Length: > 0 } given)
        {
            return spec;
        }

        IReadOnlyList<NotifyTarget> targets = spec.Operations.Notify ?? [];
        spec = spec with
        {
            Operations = spec.Operations with
            {
                Notify =
                [
                    .. targets,
                    .. given
                        .Distinct(StringComparer.Ordinal)
                        .Where(url => targets.All(target => target.Url != url))
                        .Select(url => new NotifyTarget { Url = url }),
                ],
            },
        };
        SpecReader.Check(spec);
        return spec;
    }
}
