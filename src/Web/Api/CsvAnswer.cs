using System.Globalization;
using Microsoft.AspNetCore.Http;
using Slowrun.Reading;

namespace Slowrun.Web.Api;

/// <summary>Every training step's loss as CSV: stage, step, loss in nats per token.</summary>
internal static class CsvAnswer
{
    public const string ContentType = "text/csv";

    public static async Task<IResult> WriteAsync(string run, HttpContext http, RunLibrary library)
    {
        if (await library.TryReadAsync(run, http.RequestAborted) is not { } found)
        {
            return Problem.NoSuchRun(http, run, library.Store.Address);
        }

        return TypedResults.Stream(
            async body =>
            {
                await using var writer = new StreamWriter(body, leaveOpen: true);
                await writer.WriteAsync("stage,step,trainLossNats\n");
                foreach (var plan in found.Facts.Plan.Stages)
                {
                    var curve = await library.Curves.TryReadAsync(found.Facts, plan.Id, http.RequestAborted);
                    for (var step = 0; step < curve?.LossNats.Count; step++)
                    {
                        await writer.WriteAsync(
                            string.Create(CultureInfo.InvariantCulture, $"{plan.Id},{step + 1},{curve.LossNats[step]:R}\n")
                        );
                    }
                }
            },
            ContentType,
            $"{run}-train-loss.csv"
        );
    }
}
