using Slowrun.Clustering.Machines;

namespace Slowrun.Clustering.Tests.Machines;

public sealed class MachineMemoryTests : IDisposable
{
    private const string Machine = "MemTotal:       16000000 kB\nMemFree:  1 kB\nMemAvailable:    9000000 kB\n";

    private readonly TemporaryFolder root = new();

    public void Dispose() => root.Dispose();

    [Fact]
    public void Read_OnThisMachine_HasSomeAndNoMoreThanAll()
    {
        var memory = MachineMemory.Read()!;

        Assert.InRange(memory.FreeBytes, 1, memory.TotalBytes);
    }

    [Fact]
    public void Read_WithoutLimits_IsTheMachines()
    {
        Write("proc/meminfo", Machine);

        Assert.Equal(new MachineMemory(16_000_000L * 1024, 9_000_000L * 1024), MachineMemory.Read(root.Path));
    }

    [Theory]
    [InlineData("0::/a/b", "sys/fs/cgroup/a/b")]
    [InlineData("0::/a/b", "sys/fs/cgroup/a")]
    [InlineData("0::/", "sys/fs/cgroup")]
    public void Read_WithALimitOfVersionTwoAnywhereAbove_IsWhatThatLeaves(string line, string folder)
    {
        Write("proc/meminfo", Machine);
        Write("proc/self/cgroup", line + "\n");
        Write($"{folder}/memory.max", "4000000000\n");
        Write($"{folder}/memory.current", "3000000000\n");
        Write($"{folder}/memory.stat", "anon 1\ninactive_file 500000000\n");

        Assert.Equal(new MachineMemory(4_000_000_000, 1_500_000_000), MachineMemory.Read(root.Path));
    }

    [Fact]
    public void Read_WithALimitOfVersionOne_IsWhatThatLeaves()
    {
        Write("proc/meminfo", Machine);
        Write("proc/self/cgroup", "3:cpu,cpuacct:/x\n5:memory:/y\n");
        Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "4000000000\n");
        Write("sys/fs/cgroup/memory/memory.usage_in_bytes", "3000000000\n");

        Assert.Equal(new MachineMemory(4_000_000_000, 1_000_000_000), MachineMemory.Read(root.Path));
    }

    [Fact]
    public void Read_WithoutALimitThatBinds_IsTheMachines()
    {
        Write("proc/meminfo", Machine);
        Write("proc/self/cgroup", "0::/a\n");
        Write("sys/fs/cgroup/a/memory.max", "max\n");
        Write("sys/fs/cgroup/memory.max", "99000000000\n");

        Assert.Equal(16_000_000L * 1024, MachineMemory.Read(root.Path)!.TotalBytes);
    }

    [Fact]
    public void Read_WhereNothingTells_IsNull() => Assert.Null(MachineMemory.Read(root.Path));

    private void Write(string file, string text)
    {
        var path = Path.Combine(root.Path, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }
}
