namespace Slowrun.Training.Kernels.Cuda;

/// <summary>The source of the kernels, from the files beside this one.</summary>
internal static class KernelSource
{
    private static readonly string[] Files = ["common.cuh", "rows.cu", "heads.cu", "loss.cu", "optimizer.cu"];

    public static string Text { get; } = string.Concat(Files.Select(Read));

    private static string Read(string file)
    {
        using var stream = typeof(KernelSource).Assembly.GetManifestResourceStream(file)!;
        using var reader = new StreamReader(stream);
        return $"#line 1 \"{file}\"\n{reader.ReadToEnd()}";
    }
}
