using Slowrun.Core;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;

namespace Slowrun.Reading.Explain;

/// <summary>A failure or delay that a silo sees at the store, as a sentence.</summary>
public static class TroubleText
{
    public static string Of(SiloTrouble trouble, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(trouble);
        var store = trouble.Store;
        var what = (store.Work, store.IsSlow) switch
        {
            (StoreWork.Read, false) => "cannot read from the store",
            (StoreWork.Read, true) => "waits long for the store to read",
            (StoreWork.List, false) => "cannot list the store",
            (StoreWork.List, true) => "waits long for the store to list",
            (StoreWork.Delete, false) => "cannot delete from the store",
            (StoreWork.Delete, true) => "waits long for the store to delete",
            (StoreWork.Upload, false) => "cannot upload to the store",
            (StoreWork.Upload, true) => "uploads to the store for a long time",
            (_, false) => "cannot write to the store",
            (_, true) => "waits long for the store to write",
        };
        var times = store.Times > 1 ? FormattableString.Invariant($", {store.Times} times") : "";
        return $"{trouble.SiloName} {what} (for {Human.Time(now - store.Since)}{times}; last of '{store.ObjectName}', {Human.Time(now - store.At)} ago): {store.Message}";
    }
}
