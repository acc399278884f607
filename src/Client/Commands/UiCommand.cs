using System.CommandLine;
using System.Net;
using Slowrun.Client.Cli;
using Slowrun.Reading.Live;
using Slowrun.Reading.Runs;
using Slowrun.Web.Access;
using Slowrun.Web.Hosting;

namespace Slowrun.Client.Commands;

/// <summary><c>ui</c>: the page and the API of a store, for browsers and programs, until told to stop.</summary>
internal static class UiCommand
{
    private const int DefaultPort = 8484;
    private const string TokenVariable = "SLOWRUN_TOKEN";

    public static Command Create(ClientContext context, CommonOptions common)
    {
        var port = new Option<int>("--port") { Description = "Port; 0: any free one.", DefaultValueFactory = _ => DefaultPort };
        var listen = new Option<string>("--listen")
        {
            Description = "Address to listen on. Beyond loopback a token is needed.",
            DefaultValueFactory = _ => "127.0.0.1",
        };
        var token = new Option<string>("--token")
        {
            Description =
                $"Needed to see anything; its bearers may also submit, pause, resume, cancel, retry and change operations. Better {TokenVariable}: other users of this machine can see command lines.",
        };
        var host = new Option<string[]>("--host")
        {
            Description = "A name, besides this machine's, that browsers know the page by; may be repeated.",
        };
        var command = new Command("ui", "Shows the runs of a store on a page, and as JSON for programs.") { port, listen, token, host };
        command.Validators.Add(result =>
        {
            if (result.GetResult(listen) is { Implicit: false } && !IPAddress.TryParse(result.GetValue(listen), out _))
            {
                result.AddError($"--listen '{result.GetValue(listen)}' is no IP address; expected for example 127.0.0.1 or 10.0.0.4.");
            }
        });
        command.SetAction(
            (parsed, stop) =>
                ServeAsync(
                    context,
                    parsed.GetRequiredValue(common.Store),
                    IPAddress.Parse(parsed.GetRequiredValue(listen)),
                    parsed.GetRequiredValue(port),
                    new AccessRules
                    {
                        Token = parsed.GetValue(token) ?? (context.Variable(TokenVariable) is { Length: > 0 } given ? given : null),
                        HostNames = parsed.GetValue(host) ?? [],
                    },
                    stop
                )
        );
        return command.WithExamples(
            "slowrun ui",
            "slowrun ui --port 9000 --store azblob://account/container",
            "SLOWRUN_TOKEN=$(openssl rand -hex 24) slowrun ui --listen 10.0.0.4"
        );
    }

    private static async Task<int> ServeAsync(
        ClientContext context,
        string address,
        IPAddress listen,
        int port,
        AccessRules access,
        CancellationToken stop
    )
    {
        var endpoint = Checked(listen, port, access);
        var store = await context.OpenStoreAsync(address, create: false, stop);
        await using var statuses = new StatusReader(new RunReader(store, context.Time));
        await using var page = await WebServer.StartAsync(
            new WebOptions
            {
                Addresses = [new WebAddress(endpoint, ServesPage: true)],
                Access = access,
                Page = new PageSource(store, new LiveRuns(statuses, stop), context.Time),
                Time = context.Time,
                Trouble = e =>
                    context.Error.WriteLine($"slowrun: a request failed, which should not have happened: {e.GetType().Name}: {e.Message}"),
            },
            stop
        );
        await context.Output.WriteLineAsync($"The page of '{store.Address}': {page.Address}");
        await context.Output.WriteLineAsync(
            access.Token is null
                ? $"It only reads. With {TokenVariable} it asks for the token, and takes orders too."
                : "It asks for the token, and takes orders: pause, resume, cancel."
        );
        await Task.Delay(Timeout.InfiniteTimeSpan, stop)
            .ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        return ExitCode.Done;
    }

    /// <exception cref="CliException">The page would be reachable from other machines without a token, or with one that is too
    /// short.</exception>
    private static IPEndPoint Checked(IPAddress listen, int port, AccessRules access)
    {
        try
        {
            access.Check(listen, servesPage: true);
            return WebOptions.Endpoint(listen, port);
        }
        catch (ArgumentException e)
        {
            throw new CliException(ExitCode.Usage, e.Message, e);
        }
    }
}
