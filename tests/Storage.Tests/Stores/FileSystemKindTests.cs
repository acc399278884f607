using Slowrun.Storage.Directories;

namespace Slowrun.Storage.Tests.Stores;

public sealed class FileSystemKindTests
{
    [Theory]
    [InlineData(0x6969, null, "NFS")]
    [InlineData(0xFF534D42, null, "CIFS")]
    [InlineData(0xFE534D42, null, "SMB")]
    [InlineData(0x01021997, null, "9P")]
    [InlineData(0x65735546, "fuse.sshfs", "fuse.sshfs")]
    [InlineData(0x65735546, null, "FUSE")]
    public void Refusal_OfAFileSystemThatMachinesShare_NamesIt(long magic, string? mountType, string named) =>
        Assert.Contains(named, FileSystemKind.Refusal(magic, mountType), StringComparison.Ordinal);

    [Theory]
    [InlineData(0xEF53, null)] // ext4
    [InlineData(0x01021994, null)] // tmpfs
    [InlineData(0x9123683E, null)] // btrfs
    [InlineData(0x58465342, null)] // XFS
    [InlineData(0x794C7630, null)] // overlayfs
    [InlineData(0x65735546, "fuseblk")]
    public void Refusal_OfALocalFileSystem_IsNull(long magic, string? mountType) => Assert.Null(FileSystemKind.Refusal(magic, mountType));

    [Fact]
    public void Refusal_OfThisMachinesTemporaryFolder_IsNull() => Assert.Null(FileSystemKind.Refusal(Path.GetTempPath()));

    [Fact]
    public void MountType_OfNestedMounts_IsTheInnermostOnes()
    {
        string[] lines =
        [
            "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw",
            "30 22 0:40 / /home/a\\040b rw - fuse.sshfs host:/ rw",
            "31 22 0:41 / /home/a\\040b/local rw - fuseblk /dev/sdb1 rw",
        ];

        Assert.Equal("ext4", FileSystemKind.MountType("/home", lines));
        Assert.Equal("fuse.sshfs", FileSystemKind.MountType("/home/a b", lines));
        Assert.Equal("fuse.sshfs", FileSystemKind.MountType("/home/a b/localx", lines));
        Assert.Equal("fuseblk", FileSystemKind.MountType("/home/a b/local/store", lines));
    }
}
