using System.Text.Json;

namespace Slowrun.Infra.Tests;

/// <summary>The templates as the compiler and its linter see them, and what they would make in Azure.</summary>
public sealed class TemplateTests
{
    private const string ScaleSet = "Microsoft.Compute/virtualMachineScaleSets";
    private const string RoleAssignment = "Microsoft.Authorization/roleAssignments";
    private const string BlobContributor = "ba92f5b4-2d11-453d-a403-e96b0029c9fe";

    private const string TableContributor = "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3";

    // Each run of the compiler takes a second or more.
    private static readonly Lazy<Task<ToolResult>> Built = new(() =>
        Bicep.RunAsync("build", Path.Combine(Repository.Infra, "main.bicep"), "--stdout")
    );
    private static readonly Lazy<Task<IReadOnlyList<JsonElement>>> Default = new(() => Bicep.ResourcesAsync());
    private static readonly Lazy<Task<IReadOnlyList<JsonElement>>> Other = new(() =>
        Bicep.ResourcesAsync(
            "param count = 3",
            "param vmSize = 'Standard_NC4as_T4_v3'",
            "param zones = ['1', '3']",
            "param maxPrice = '0.98765'",
            "param evictionPolicy = 'Deallocate'",
            "param deallocateIdle = false",
            "param gpuDriver = false",
            "param logs = true"
        )
    );

    [Fact]
    public async Task Template_WhenBuilt_HasNoWarning()
    {
        var built = await Built.Value;

        Assert.Equal((0, ""), (built.ExitCode, built.Error));
    }

    [Fact]
    public async Task Template_WhenLinted_HasNoFinding() =>
        Assert.Equal(new ToolResult(0, "", ""), await Bicep.RunAsync("lint", Path.Combine(Repository.Infra, "main.bicep")));

    [Fact]
    public async Task Template_WithItsModules_DescribesEveryParameter()
    {
        using var document = JsonDocument.Parse((await Built.Value).Output);
        var modules = document.RootElement.At("resources").EnumerateObject().Select(module => module.Value.At("properties.template"));
        foreach (var template in modules.Prepend(document.RootElement))
        {
            Assert.All(
                template.At("parameters").EnumerateObject(),
                parameter =>
                    Assert.True(
                        parameter.Value.TryGetProperty("metadata", out var metadata) && metadata.TryGetProperty("description", out _),
                        parameter.Name
                    )
            );
        }
    }

    [Theory]
    [InlineData("Standard_NC4as_T4_v3", 16, false)]
    [InlineData("Standard_NC4as_T4_v3", 15, true)]
    [InlineData("Standard_NC24ads_A100_v4", 76, true)]
    [InlineData("Standard_Unknown", 500, true)]
    public async Task Machines_WithLessMemoryThanAStageNeeds_AreNotDeployed(string size, int gigabytes, bool deployed)
    {
        var resources = Bicep.ResourcesAsync($"param vmSize = '{size}'", $"param neededGigabytes = {gigabytes}");

        if (deployed)
        {
            Assert.Equal(size, (await resources).Of(ScaleSet).At("sku.name").GetString());
        }
        else
        {
            var refused = await Assert.ThrowsAnyAsync<Exception>(() => resources);
            Assert.Contains(
                "A stage needs 16 GB on its device, and one of Standard_NC4as_T4_v3 has 15",
                refused.Message,
                StringComparison.Ordinal
            );
        }
    }

    [Fact]
    public async Task Machines_AreSpotFlexibleAndAsTheParametersSay()
    {
        var fleet = (await Other.Value).Of(ScaleSet);

        Assert.Equal("""{"name":"Standard_NC4as_T4_v3","tier":"Standard","capacity":3}""", Compact(fleet.At("sku")));
        Assert.Equal("""["1","3"]""", Compact(fleet.At("zones")));
        Assert.Equal("Flexible", fleet.At("properties.orchestrationMode").GetString());
        var profile = fleet.At("properties.virtualMachineProfile");
        Assert.Equal("Spot", profile.At("priority").GetString());
        Assert.Equal("Deallocate", profile.At("evictionPolicy").GetString());
        Assert.Equal(0.98765, profile.At("billingProfile.maxPrice").GetDouble());
        Assert.Equal(
            """{"enable":true,"notBeforeTimeout":"PT10M"}""",
            Compact(profile.At("scheduledEventsProfile.terminateNotificationProfile"))
        );
        Assert.Empty(profile.At("extensionProfile.extensions").EnumerateArray());
        Assert.False(
            profile
                .At("networkProfile.networkInterfaceConfigurations.0.properties.ipConfigurations.0.properties")
                .TryGetProperty("publicIPAddressConfiguration", out _)
        );
    }

    [Fact]
    public async Task Machines_ByDefault_AreNoneYetAndGetTheGpusDriver()
    {
        var resources = await Default.Value;

        Assert.Equal(
            "NvidiaGpuDriverLinux",
            resources.Of(ScaleSet).At("properties.virtualMachineProfile.extensionProfile.extensions.0.properties.type").GetString()
        );
        Assert.Equal(0, resources.Of(ScaleSet).At("sku.capacity").GetInt32());
        Assert.Equal(
            """{"minimum":"0","maximum":"0","default":"0"}""",
            Compact(resources.Of("Microsoft.Insights/autoscalesettings").At("properties.profiles.0.capacity"))
        );
    }

    [Fact]
    public async Task Store_HasNoKeysAndOneContainerOnWhichTheMachinesHaveTheirOneRole()
    {
        var resources = await Other.Value;

        var account = resources.Of("Microsoft.Storage/storageAccounts").At("properties");
        Assert.False(account.At("allowSharedKeyAccess").GetBoolean());
        Assert.False(account.At("allowBlobPublicAccess").GetBoolean());
        Assert.Equal("Deny", account.At("networkAcls.defaultAction").GetString());
        Assert.Equal("None", account.At("networkAcls.bypass").GetString());
        Assert.Contains(
            "outputs.subnetId",
            Assert.Single(account.At("networkAcls.virtualNetworkRules").EnumerateArray()).At("id").GetString(),
            StringComparison.Ordinal
        );
        Assert.Empty(account.At("networkAcls.ipRules").EnumerateArray());
        var container = resources.Of("Microsoft.Storage/storageAccounts/blobServices/containers");
        var role = resources.Of(RoleAssignment);
        Assert.StartsWith(container.At("id").GetString()!, role.At("id").GetString(), StringComparison.Ordinal);
        Assert.EndsWith(BlobContributor, role.At("properties.roleDefinitionId").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Store_KeepsWhatWasDeletedOrOverwrittenForAWhileAndNoLonger()
    {
        var resources = await Default.Value;

        var blobs = resources.Of("Microsoft.Storage/storageAccounts/blobServices").At("properties");
        Assert.True(blobs.At("isVersioningEnabled").GetBoolean());
        Assert.Equal("""{"enabled":true,"days":1}""", Compact(blobs.At("deleteRetentionPolicy")));
        Assert.Equal("""{"enabled":true,"days":1}""", Compact(blobs.At("containerDeleteRetentionPolicy")));
        var rule = Assert.Single(
            resources.Of("Microsoft.Storage/storageAccounts/managementPolicies").At("properties.policy.rules").EnumerateArray()
        );
        Assert.Equal(1, rule.At("definition.actions.version.delete.daysAfterCreationGreaterThan").GetInt32());
    }

    [Fact]
    public async Task Machines_ChangeNeitherDataNorTheSilo()
    {
        var role = (await Other.Value).Of(RoleAssignment).At("properties");

        Assert.Equal("2.0", role.At("conditionVersion").GetString());
        const string Blobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs";
        Assert.Equal(
            $"((!(ActionMatches{{'{Blobs}/write'}}) AND !(ActionMatches{{'{Blobs}/add/action'}}) AND !(ActionMatches{{'{Blobs}/delete'}}) AND !(ActionMatches{{'{Blobs}/move/action'}})) "
                + $"OR (@Resource[{Blobs}:path] StringNotLike 'data/*' AND @Resource[{Blobs}:path] StringNotLike 'software/*'))",
            role.At("condition").GetString()
        );
    }

    [Fact]
    public async Task Fleet_WhoseClusterIsInATable_HasItsAddressAndMayUseTheTableServiceAndNoMore()
    {
        var resources = await Bicep.ResourcesAsync(
            "param clustering = 'azure-table'",
            "param userPrincipalId = '00000000-0000-0000-0000-000000000001'",
            "param deallocateIdle = false",
            "param gpuDriver = false"
        );

        Assert.Equal("--exit-when-idle 10m --clustering azure-table", CloudInit.Of(resources).Variable("SLOWRUN_OPTIONS"));
        var service = resources.Of("Microsoft.Storage/storageAccounts/tableServices");
        var roles = resources
            .Where(resource => resource.At("type").GetString() == RoleAssignment)
            .Where(role => role.At("properties.roleDefinitionId").GetString()!.EndsWith(TableContributor, StringComparison.Ordinal))
            .ToList();
        Assert.Equal(
            ["ServicePrincipal", "User"],
            roles.Select(role => role.At("properties.principalType").GetString()).Order(StringComparer.Ordinal)
        );
        Assert.All(roles, role => Assert.StartsWith(service.At("id").GetString()!, role.At("id").GetString(), StringComparison.Ordinal));
        Assert.DoesNotContain(
            await Default.Value,
            resource => resource.At("type").GetString()!.Contains("tableServices", StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task Roles_WhereMachinesDeallocateThemselves_AreThatOneActionMore()
    {
        var resources = await Default.Value;

        Assert.Equal(2, resources.Count(resource => resource.At("type").GetString() == RoleAssignment));
        Assert.Equal(
            """[{"actions":["Microsoft.Compute/virtualMachines/deallocate/action"]}]""",
            Compact(resources.Of("Microsoft.Authorization/roleDefinitions").At("properties.permissions"))
        );
    }

    [Fact]
    public async Task Network_LetsSilosSpeakWithinTheSubnetAndNothingIn()
    {
        var resources = await Default.Value;

        var rules = resources
            .Of("Microsoft.Network/networkSecurityGroups")
            .At("properties.securityRules")
            .EnumerateArray()
            .Select(rule => rule.At("properties"))
            .OrderBy(rule => rule.At("priority").GetInt32())
            .ToList();
        Assert.All(rules, rule => Assert.Equal("Inbound", rule.At("direction").GetString()));
        var subnet = resources.Of("Microsoft.Network/virtualNetworks").At("properties.subnets.0.properties");
        Assert.Equal(
            ("Allow", subnet.At("addressPrefix").GetString(), subnet.At("addressPrefix").GetString(), """["11111","30000"]"""),
            (
                rules[0].At("access").GetString(),
                rules[0].At("sourceAddressPrefix").GetString(),
                rules[0].At("destinationAddressPrefix").GetString(),
                Compact(rules[0].At("destinationPortRanges"))
            )
        );
        Assert.Equal(
            ("Deny", "*", "*", "*", "*"),
            (
                rules[1].At("access").GetString(),
                rules[1].At("protocol").GetString(),
                rules[1].At("sourceAddressPrefix").GetString(),
                rules[1].At("destinationAddressPrefix").GetString(),
                rules[1].At("destinationPortRange").GetString()
            )
        );
        Assert.Equal(2, rules.Count);
        var unit = await File.ReadAllTextAsync(Repository.Machine("slowrun-silo.service"), TestContext.Current.CancellationToken);
        Assert.Contains("--port 11111 --gateway-port 30000", unit, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Logs_AreMadeOnlyWhereAskedFor()
    {
        const string Workspace = "Microsoft.OperationalInsights/workspaces";

        Assert.DoesNotContain(await Default.Value, resource => resource.At("type").GetString() == Workspace);
        (await Other.Value).Of(Workspace);
    }

    [Fact]
    public async Task Parameters_OfTheExample_FitTheTemplate()
    {
        var result = await Tool.RunAsync(
            new Dictionary<string, string>
            {
                ["SLOWRUN_PACKAGE_SHA256"] = new string('b', 64),
                ["SLOWRUN_ADMIN_KEY"] = "ssh-ed25519 AAAA test",
            },
            Bicep.Program,
            "build-params",
            Path.Combine(Repository.Infra, "main.bicepparam"),
            "--stdout"
        );

        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.Contains(new string('b', 64), result.Output, StringComparison.Ordinal);
    }

    private static string Compact(JsonElement element) => JsonSerializer.Serialize(element);
}
