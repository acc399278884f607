using System.Diagnostics;
using System.Globalization;
using System.Text;
using Slowrun.Storage.Directories;

namespace Slowrun.Storage.Tests.Stores;

/// <summary>This test program started again as a user of a directory store: for what only separate processes can show.</summary>
internal static class ChildProcess
{
    private const string Role = "SLOWRUN_STORAGE_TEST_CHILD";

    public static Process Start(string role, string store, string argument, params string[] through)
    {
        string[] command = [.. through, Environment.ProcessPath!];
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment[Role] = $"{role}|{store}|{argument}";
        return Process.Start(start)!;
    }

    /// <summary>What this process was started as a child for; null where it is no child.</summary>
    public static async Task<int?> TryRunAsync()
    {
        if (Environment.GetEnvironmentVariable(Role)?.Split('|') is not [var role, var path, var argument])
        {
            return null;
        }

        try
        {
            Console.WriteLine(await RunAsync(role, path, int.Parse(argument, CultureInfo.InvariantCulture)));
            return 0;
        }
        catch (Exception e)
        {
            Console.WriteLine(e is StoreException store ? $"{store.Problem}: {store.Message}" : e.ToString());
            return 1;
        }
    }

    private static async Task<string> RunAsync(string role, string path, int argument)
    {
        var store = DirectoryStore.Open(path);
        switch (role)
        {
            case "count":
                return await CountAsync(store, argument);
            case "create":
                var won = 0;
                for (var round = 0; round < argument; round++)
                {
                    won += await store.TryCreateAsync($"rounds/{round}", new byte[] { 1 }) is null ? 0 : 1;
                }

                return $"{won}";
            case "fill":
                // Until the disk is full, then once more to see that what was there is still there.
                await store.TryCreateAsync("before", new byte[] { 42 });
                try
                {
                    for (var i = 0; ; i++)
                    {
                        await store.TryCreateAsync($"fill/{i}", new MemoryStream(new byte[argument]));
                    }
                }
                catch (StoreException e)
                {
                    var left = Directory.GetFiles(Path.Combine(path, ".tmp")).Length;
                    var kept = (await store.TryReadAsync("before"))!.Content.Span[0];
                    return $"{e.Problem} {left} {kept}";
                }

            case "write":
                await store.WriteAsync("after", new byte[argument]);
                return "written";
            default:
                throw new ArgumentException(role);
        }
    }

    /// <summary>Raises a number in a document until it has reached the goal; tells how often this process did.</summary>
    private static async Task<string> CountAsync(DirectoryStore store, int goal)
    {
        var mine = 0;
        while (true)
        {
            var found = (await store.TryReadAsync("counter"))!;
            var count = int.Parse(Encoding.UTF8.GetString(found.Content.Span), CultureInfo.InvariantCulture);
            if (count >= goal)
            {
                return $"{mine}";
            }

            mine += await store.TryReplaceAsync("counter", Encoding.UTF8.GetBytes($"{count + 1}"), found.ETag) is null ? 0 : 1;
        }
    }
}
