namespace Slowrun.Data.Preparation;

/// <summary>Which set a file's name seems to be meant for.</summary>
internal static class FileNames
{
    private static readonly string[] Training = ["train", "training"];
    private static readonly string[] Held = ["val", "valid", "validation", "dev", "heldout"];

    /// <summary>A remark about a file whose documents are in other sets than its name says; null: none.</summary>
    /// <param name="sets">That have documents of it.</param>
    public static string? Remark(string name, IReadOnlyCollection<string> sets)
    {
        var words = name.ToLowerInvariant()
            .Split('.', '-', '_', ' ', '(', ')')
            .Select(word => word.TrimEnd('0', '1', '2', '3', '4', '5', '6', '7', '8', '9'))
            .ToList();
        var held = sets.Where(set => set != "training").ToList();
        return words.Any(Training.Contains) && held.Count > 0
                ? $"'{name}' is called training, and {string.Join(" and ", held)} took documents of it: the sets are dealt out in the order of the files' paths. --val-input and --fitness-input give these sets files of their own."
            : words.Any(Held.Contains) && sets.Contains("training")
                ? $"'{name}' is called validation, and training took documents of it: the sets are dealt out in the order of the files' paths. --val-input gives validation a file of its own."
            : null;
    }
}
