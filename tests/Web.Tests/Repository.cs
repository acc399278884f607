namespace Slowrun.Web.Tests;

/// <summary>Where the sources are.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

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
