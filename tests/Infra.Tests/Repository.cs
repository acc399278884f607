namespace Slowrun.Infra.Tests;

/// <summary>Where the files under test are.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    public static string Infra { get; } = Path.Combine(Root, "infra");

    /// <summary>What a machine is given: scripts, the service unit, the template for cloud-init.</summary>
    public static string Machine(string file) => Path.Combine(Infra, "machine", file);

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Slowrun.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException(
            $"There is no Slowrun.sln above '{AppContext.BaseDirectory}': run the tests within the repository."
        );
    }
}
