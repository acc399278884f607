namespace Slowrun.EndToEnd.Tests.Published;

/// <summary>The completion scripts in their shells, where the machine has them, calling the published client.</summary>
[Collection(Cli.Waiting)]
public sealed class CompletionScriptTests(CalmTiny calm, PublishedClient client)
{
    // What readline does before it calls the function: divides the line at spaces, colons and equals signs.
    private const string Bash = """
        source <(slowrun completion bash)
        COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
        COMP_LINE=$1
        COMP_POINT=${#COMP_LINE}
        COMP_WORDS=(slowrun)
        COMP_CWORD=0
        _slowrun
        printf '%s\n' "${COMPREPLY[@]}"
        """;

    // Outside of a line editor there is nothing to add matches to: what the function would add is printed.
    private const string Zsh = """
        compdef() { :; }
        source <(slowrun completion zsh)
        _describe() { print -rl -- "${(@P)@[-1]%%:*}" }
        compadd() { print -rl -- "${(@P)@[-1]}" }
        _files() { print -r -- FILES }
        words=(${(z)1})
        PREFIX=
        [[ $1 == *' ' ]] && words+=('') || PREFIX=$words[-1]
        CURRENT=$#words
        _slowrun
        """;

    private const string Fish = """
        slowrun completion fish | source
        complete -C $argv[1] | string replace -r '\t.*' ''
        """;

    private const string Pwsh = """
        slowrun completion pwsh | Out-String | Invoke-Expression
        [System.Management.Automation.CommandCompletion]::CompleteInput($env:LINE, $env:LINE.Length, $null).CompletionMatches.CompletionText
        """;

    public static TheoryData<string, string, string> Lines =>
        new()
        {
            { "slowrun stat", "status", "" },
            { "slowrun checkpoints ", "list verify gc repair", "" },
            { "slowrun status --wat", "--watch", "" },
            { "slowrun status ti", "tiny", "" },
            { "slowrun pause tiny/chain1/", "tiny/chain1/stage0 tiny/chain1/stage1", "" },
            { "slowrun list --output=j", "--output=json", "json" },
            { "slowrun status nothing-like-it", "", "" },
        };

    /// <param name="inBash">Where Readline replaces only a part of the word.</param>
    [Theory]
    [MemberData(nameof(Lines))]
    public async Task Bash_CompletesTheLine(string line, string candidates, string inBash) =>
        Assert.Equal(inBash.Length > 0 ? inBash : candidates, await CompleteAsync("bash", ["-c", Bash, "bash", line], line, candidates));

    [Theory]
    [MemberData(nameof(Lines))]
    public async Task Zsh_CompletesTheLine(string line, string candidates, string _) =>
        Assert.Equal(candidates, await CompleteAsync("zsh", ["-fc", Zsh, "zsh", line], line, candidates));

    [Theory]
    [MemberData(nameof(Lines))]
    public async Task Fish_CompletesTheLine(string line, string candidates, string _) =>
        Assert.Equal(InAnyOrder(candidates), InAnyOrder(await CompleteAsync("fish", ["--no-config", "-c", Fish, line], line, candidates)));

    [Theory]
    [MemberData(nameof(Lines))]
    public async Task Pwsh_CompletesTheLine(string line, string candidates, string _) =>
        Assert.Equal(candidates, await CompleteAsync("pwsh", ["-NoProfile", "-NonInteractive", "-Command", Pwsh], line, candidates));

    private async Task<string> CompleteAsync(string shell, string[] arguments, string line, string expected)
    {
        var program = (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(':')
            .Select(folder => Path.Combine(folder, shell))
            .FirstOrDefault(File.Exists);
        Assert.SkipWhen(program is null, $"This machine has no {shell}.");
        using var home = new TemporaryStore();
        var environment = new Dictionary<string, string>
        {
            ["PATH"] = $"{await client.FolderAsync()}:/usr/bin:/bin",
            ["HOME"] = home.Path,
            ["SLOWRUN_STORE"] = calm.Cli.Store,
            ["LINE"] = line,
            ["TERM"] = "dumb",
        };
        var candidates = "";
        // What a store does not tell in time is not offered, and a machine that is busy with other tests may take long.
        for (var i = 0; i < 10 && (i == 0 || expected.Length > 0 && candidates.Length == 0); i++)
        {
            var result = await PublishedClient.RunAsync(program, environment, arguments);
            Assert.Equal("", result.Error);
            candidates = string.Join(
                ' ',
                result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            );
        }

        return candidates;
    }

    private static string InAnyOrder(string candidates) => string.Join(' ', candidates.Split(' ').Order(StringComparer.Ordinal));
}
