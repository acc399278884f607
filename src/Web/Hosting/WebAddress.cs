using System.Net;

namespace Slowrun.Web.Hosting;

/// <summary>Where a web server listens.</summary>
/// <param name="ServesPage">Page and API, where the server has them, besides metrics and health.</param>
public sealed record WebAddress(IPEndPoint EndPoint, bool ServesPage);
