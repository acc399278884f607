namespace Slowrun.Client.Cli;

internal enum OutputFormat
{
    /// <summary>For people.</summary>
    Text,

    Json,

    /// <summary>A table with every column, for people with a wide terminal.</summary>
    Wide,

    /// <summary>A table with every column, for programs.</summary>
    Csv,
}
