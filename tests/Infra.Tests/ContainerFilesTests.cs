using YamlDotNet.Core;
using YamlDotNet.Serialization;

namespace Slowrun.Infra.Tests;

/// <summary>The files for containers, as far as they can be read without an engine.</summary>
public sealed class ContainerFilesTests
{
    [Fact]
    public async Task Compose_WhenRead_HasTwoSilosAStoreAndPrometheusThatListenToThisMachineOnly()
    {
        var services = (Dictionary<object, object>)(await ReadAsync("compose.yaml"))["services"];

        Assert.Equal(["azurite", "prometheus", "silo-1", "silo-2"], services.Keys.Cast<string>().Order());
        foreach (var service in services.Values.Cast<Dictionary<object, object>>().Where(service => service.ContainsKey("ports")))
        {
            Assert.All((List<object>)service["ports"], port => Assert.StartsWith("127.0.0.1:", (string)port, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Prometheus_WhenRead_AsksBothSilosWithTheirToken()
    {
        var job = (Dictionary<object, object>)Assert.Single((List<object>)(await ReadAsync("prometheus.yml"))["scrape_configs"]);
        var targets = (Dictionary<object, object>)Assert.Single((List<object>)job["static_configs"]);
        Assert.Equal(["silo-1:9464", "silo-2:9464"], ((List<object>)targets["targets"]).Cast<string>());

        // Beyond loopback a silo does not start without a token. The user gives it: none stands in the repository.
        Assert.Equal("/run/secrets/slowrun-token", ((Dictionary<object, object>)job["authorization"])["credentials_file"]);
        var compose = await ReadAsync("compose.yaml");
        Assert.Equal(
            "SLOWRUN_TOKEN",
            ((Dictionary<object, object>)((Dictionary<object, object>)compose["secrets"])["slowrun-token"])["environment"]
        );
        var services = (Dictionary<object, object>)compose["services"];
        Assert.Equal(["slowrun-token"], (List<object>)((Dictionary<object, object>)services["prometheus"])["secrets"]);
        foreach (var silo in new[] { "silo-1", "silo-2" })
        {
            var environment = (Dictionary<object, object>)((Dictionary<object, object>)services[silo])["environment"];
            Assert.StartsWith("${SLOWRUN_TOKEN:?", (string)environment["SLOWRUN_TOKEN"], StringComparison.Ordinal);
        }
    }

    private static async Task<Dictionary<object, object>> ReadAsync(string file)
    {
        var text = await File.ReadAllTextAsync(Path.Combine(Repository.Infra, "containers", file), TestContext.Current.CancellationToken);
        return new DeserializerBuilder()
            .Build()
            .Deserialize<Dictionary<object, object>>(new MergingParser(new Parser(new StringReader(text))));
    }
}
