namespace Slowrun.Data.Inputs;

/// <summary>A file to take documents from, or standard input.</summary>
/// <param name="Path">As messages name it.</param>
public sealed record InputFile(string Path, InputFormat Format)
{
    public const string StandardInput = "-";

    public bool IsStandardInput => Path == StandardInput;

    /// <summary>What a data manifest calls it: without its folder.</summary>
    public string Name => System.IO.Path.GetFileName(Path);

    /// <summary>0 where it is not known.</summary>
    public long LengthBytes => IsStandardInput ? 0 : new FileInfo(Path).Length;
}
