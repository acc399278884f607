using Slowrun.Client.Cli;
using Slowrun.Core;
using Slowrun.Data.Inputs;
using Slowrun.Data.Preparation;

namespace Slowrun.Client.Display;

/// <summary>Reports a preparation's progress, rate and remaining time now and then.</summary>
internal sealed class PreparationProgress : IAsyncDisposable
{
    private readonly ClientContext context;
    private readonly PreparationOptions options;
    private readonly InputProgress progress;
    private readonly long totalBytes;
    private readonly long began;
    private readonly Remarks remarks;

    public PreparationProgress(ClientContext context, PreparationOptions options, InputProgress progress)
    {
        (this.context, this.options, this.progress) = (context, options, progress);
        totalBytes = options.AllFiles.Sum(file => file.LengthBytes);
        began = context.Time.GetTimestamp();
        remarks = new Remarks(context, Line);
    }

    public ValueTask DisposeAsync() => remarks.DisposeAsync();

    /// <summary>One line: what is done of how much, the rate, the time left.</summary>
    internal string Line()
    {
        var elapsed = context.Time.GetElapsedTime(began);
        var (bytes, tokens) = (progress.Bytes, progress.Tokens);
        var wanted = options.TrainTokens is { } train ? train + (options.FitnessTokens ?? 0) + (options.ValidationTokens ?? 0) : 0;
        var done = Math.Max(totalBytes == 0 ? 0 : (double)bytes / totalBytes, wanted == 0 ? 0 : (double)tokens / wanted);
        var left = done > 0.01 && done < 1 ? $", about {Human.Time(elapsed * ((1 - done) / done))} left" : "";
        return $"Read {Human.Bytes(bytes)}{(totalBytes == 0 ? "" : $" of {Human.Bytes(totalBytes)}")} at {Human.Bytes((long)(bytes / Math.Max(0.001, elapsed.TotalSeconds)))}/s; "
            + $"{Human.Count(tokens)}{(wanted == 0 ? "" : $" of {Human.Count(wanted)}")} tokens{left}";
    }
}
