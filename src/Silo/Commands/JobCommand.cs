using System.CommandLine;
using Slowrun.Core;
using Slowrun.Silo.Hosting;
using Slowrun.Storage;
using Slowrun.Storage.Addresses;

namespace Slowrun.Silo.Commands;

/// <summary>
/// A job for the client: a line of JSON on standard input is the request, lines of JSON on standard output are the answer, and the end of
/// the input cancels the job.
/// </summary>
internal static class JobCommand
{
    /// <param name="work">Given the request, the store, where to write lines of the answer, and when to stop.</param>
    public static Command Create<TRequest, TAnswer>(
        string name,
        string description,
        Func<TRequest, IObjectStore, Action<TAnswer>, CancellationToken, Task> work
    )
    {
        var store = new Option<string>("--store")
        {
            Description = "A directory, azblob://account/container, s3://bucket/prefix, or gs://bucket/prefix.",
            Required = true,
        };
        var command = new Command(name, description) { store };
        command.SetAction(
            async (parsed, cancellation) =>
            {
                try
                {
                    var input = Console.OpenStandardInput();
                    await using var output = Console.OpenStandardOutput();
                    var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
                    var request = CanonicalJson.Deserialize<TRequest>(FirstLine(input), "the request on standard input");
                    _ = InputEnd.Watch(input, stop.Cancel);
                    var opened = await StoreAddress.OpenAsync(parsed.GetRequiredValue(store), create: false, cancellationToken: stop.Token);
                    await work(request, opened, answer => Write(output, answer), stop.Token);
                    return 0;
                }
                catch (OperationCanceledException)
                {
                    return 1;
                }
                catch (Exception e) when (e is FormatException or ArgumentException)
                {
                    await Console.Error.WriteLineAsync(e.Message);
                    return 2;
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
                {
                    await Console.Error.WriteLineAsync(e.Message);
                    return 1;
                }
                // libtorch's own errors, mostly out of memory on a device: their first line is for users.
                catch (System.Runtime.InteropServices.ExternalException e)
                {
                    await Console.Error.WriteLineAsync($"libtorch: {e.Message.Split('\n', 2)[0]}");
                    return 1;
                }
            }
        );
        return command;
    }

    private static byte[] FirstLine(Stream input)
    {
        var line = new MemoryStream();
        for (var next = input.ReadByte(); next is >= 0 and not '\n'; next = input.ReadByte())
        {
            line.WriteByte((byte)next);
        }

        return line.ToArray();
    }

    private static void Write<T>(Stream output, T answer)
    {
        lock (output)
        {
            output.Write([.. CanonicalJson.Serialize(answer), (byte)'\n']);
            output.Flush();
        }
    }
}
