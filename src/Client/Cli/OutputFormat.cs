namespace Slowrun.Client.Cli;

internal enum OutputFormat
{
    /// <summary>For people.</summary>
    Text,

    Json,
}
