using System.Formats.Tar;
using System.Text;

namespace Slowrun.Infra.Tests.Rehearsal;

/// <summary>A published silo in small.</summary>
internal static class Package
{
    /// <summary>Runs the built silo where a machine of the rehearsal has it: half a gigabyte that need not be copied.</summary>
    public static byte[] OfTheBuiltSilo() => Of("#!/bin/sh\nexec /opt/dotnet/dotnet /opt/silo/Slowrun.Silo.dll \"$@\"\n");

    /// <summary>An archive whose program is a script.</summary>
    public static byte[] Of(string script)
    {
        using var archive = new MemoryStream();
        using (var tar = new TarWriter(archive, TarEntryFormat.Ustar, leaveOpen: true))
        {
            tar.WriteEntry(
                new UstarTarEntry(TarEntryType.RegularFile, "Slowrun.Silo")
                {
                    Mode = (UnixFileMode)Convert.ToInt32("755", 8),
                    DataStream = new MemoryStream(Encoding.ASCII.GetBytes(script)),
                }
            );
        }

        return archive.ToArray();
    }
}
