using Slowrun.Training.Kernels.Cuda;

namespace Slowrun.Training.Tests.Kernels.Cuda;

/// <summary>What the compiler and the driver refuse, they are quoted with.</summary>
public sealed class NvrtcTests
{
    [Fact]
    public void Open_WhereThereIsNone_SaysWhereItComesFrom() =>
        Assert.Contains(
            "NVRTC is not there (none of libslowrun-none.so can be loaded). It comes with",
            Assert.Throws<InvalidOperationException>(() => Nvrtc.Open("libslowrun-none.so")).Message,
            StringComparison.Ordinal
        );

    [Fact]
    public void Compile_OfWhatIsNoText_QuotesTheFirstLineOfTheLog()
    {
        Assert.SkipWhen(PlayedCuda.Path is null, "g++, which plays NVRTC, is not installed.");

        var error = Assert.Throws<InvalidOperationException>(() => Nvrtc.Open(PlayedCuda.Path).Compile("no text", (9, 0)));

        Assert.StartsWith(
            "NVRTC failed with code 6 to compile the kernels for --gpu-architecture=sm_90: ",
            error.Message,
            StringComparison.Ordinal
        );
        Assert.Contains("does not name a type", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_OfADeviceThatTheDriverRefuses_NamesTheCall()
    {
        Assert.SkipWhen(PlayedCuda.Path is null, "g++, which plays NVRTC, is not installed.");
        var compiler = Nvrtc.Open(PlayedCuda.Path);

        Assert.Contains(
            "cuDeviceGetAttribute failed with code 1",
            Assert.Throws<InvalidOperationException>(() => CudaKernels.Open(4, rounded: false, compiler, PlayedCuda.Path!)).Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "'libslowrun-none.so' cannot be loaded",
            Assert.Throws<InvalidOperationException>(() => CudaKernels.Open(0, rounded: false, compiler, "libslowrun-none.so")).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Launch_OfAKernelThatIsNot_NamesIt()
    {
        Assert.SkipWhen(PlayedCuda.Path is null, "g++, which plays NVRTC, is not installed.");

        Assert.Contains(
            "cuModuleGetFunction of 'none' failed",
            Assert.Throws<InvalidOperationException>(() => PlayedCuda.Kernels(rounded: false).Launch("none", 1)).Message,
            StringComparison.Ordinal
        );
    }
}
