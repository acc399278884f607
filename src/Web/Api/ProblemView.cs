using Microsoft.AspNetCore.Http;

namespace Slowrun.Web.Api;

/// <summary>Shows a problem as a page. Provided by the part of the server that serves pages.</summary>
internal delegate IResult ProblemView(HttpContext http, int status, string detail);
