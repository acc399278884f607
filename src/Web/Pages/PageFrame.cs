using Slowrun.Reading;
using Slowrun.Web.Access;

namespace Slowrun.Web.Pages;

/// <summary>What every page shows around its content.</summary>
/// <param name="Store">The store's address.</param>
/// <param name="TakesOrders">Whether the user may pause, resume, cancel and retry.</param>
public sealed record PageFrame(string Store, bool TakesOrders, DateTimeOffset Now)
{
    internal static PageFrame Of(RunLibrary library, AccessRules rules) => new(library.Store.Address, rules.TakesOrders, library.Now);
}
