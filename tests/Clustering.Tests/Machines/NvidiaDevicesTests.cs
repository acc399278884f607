using Slowrun.Clustering.Machines;
using Slowrun.Core.Explain;
using Slowrun.Core.Stages;

namespace Slowrun.Clustering.Tests.Machines;

public sealed class NvidiaDevicesTests : IDisposable
{
    // Two devices, of which the second does not tell its utilisation; the struct's neighbours are filled, so that a wrong layout shows.
    private const string Nvml = """
        #include <string.h>
        typedef struct { unsigned long long total, free, used; } memory;
        typedef struct { unsigned gpu, memory; } utilization;
        static int open, handles[2] = {0, 1};
        int nvmlInit_v2(void) { open++; return 0; }
        int nvmlShutdown(void) { open--; return 0; }
        int nvmlDeviceGetCount_v2(unsigned *n) { *n = 2; return 0; }
        int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **d) { if (i > 1) return 2; *d = &handles[i]; return 0; }
        int nvmlDeviceGetHandleByPciBusId_v2(const char *id, void **d) { if (strcmp(id, "0000:1B:00.0") == 0) { *d = &handles[1]; return 0; } return 6; }
        int nvmlDeviceGetMemoryInfo(void *d, memory *m) { int i = *(int*)d; m->total = 85000000000ull + i; m->free = 77ull; m->used = 41000000000ull + i; return open == 1 ? 0 : 1; }
        int nvmlDeviceGetUtilizationRates(void *d, utilization *u) { if (*(int*)d) return 3; u->gpu = 93; u->memory = 41; return 0; }
        """;

    private const string Cuda = """
        #include <string.h>
        int cuInit(unsigned flags) { return flags ? 1 : 0; }
        int cuDeviceGetCount(int *n) { *n = 2; return 0; }
        int cuDeviceGet(int *d, int i) { *d = 7 + i; return 0; }
        int cuDeviceGetPCIBusId(char *id, int n, int d) { strncpy(id, d == 7 ? "0000:1B:00.0" : "0000:FF:00.0", n); return 0; }
        """;

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void TryOpen_WithoutTheLibrary_IsNull() => Assert.Null(NvidiaDevices.TryOpen("libslowrun-no-such-thing.so.1", null));

    [Fact]
    public void TryOpen_OfALibraryThatIsAnother_IsNull() => Assert.Null(NvidiaDevices.TryOpen("libc.so.6", null));

    [Fact]
    public void Read_OfAFakeLibrary_IsWhatItTells()
    {
        using var devices = Open(null);

        Assert.Equal(2, devices.Count);
        Assert.Equal(new DeviceUse("cuda:0", 41_000_000_000, 85_000_000_000, 0.93), devices.Read("cuda:0"));
        Assert.Equal(new DeviceUse("cuda:1", 41_000_000_001, 85_000_000_001, null), devices.Read("cuda:1"));
        Assert.Null(devices.Read("cuda:2"));
        Assert.Null(devices.Read("cpu:0"));
    }

    [Fact]
    public void Read_InCudasOrder_IsOfTheDeviceAtThatPlaceOnTheBus()
    {
        var busIds = CudaOrder.BusIds(Compiled("cuda", Cuda));
        using var devices = Open(busIds);

        Assert.Equal(["0000:1B:00.0", "0000:FF:00.0"], busIds!);
        Assert.Equal(85_000_000_001, devices.Read("cuda:0")!.TotalBytes);
        Assert.Null(devices.Read("cuda:1"));
    }

    [Fact]
    public void MachineSlots_OfDevicesAndProcessors_HaveTheirMemory()
    {
        using var devices = Open(null);

        var slots = MachineSlots.Of(["cuda:1", "cpu:0", "cuda:5"], devices);

        Assert.Equal([new SlotMemory("cuda:1", 85_000_000_001), new SlotMemory("cpu:0", MachineMemory.Read()!.TotalBytes)], slots);
    }

    private NvidiaDevices Open(IReadOnlyList<string>? busIds) => NvidiaDevices.TryOpen(Compiled("nvml", Nvml), busIds)!;

    private string Compiled(string name, string source)
    {
        var library = FakeLibrary.Compile(folder.Path, name, source);
        Assert.SkipWhen(library is null, "gcc, which compiles the fake library, is not installed.");
        return library!;
    }
}
