using Microsoft.AspNetCore.Http;

namespace Slowrun.Web.Api;

/// <summary>Shows a problem to people, who asked for a page. Given by whoever serves pages beside the API.</summary>
internal delegate IResult ProblemView(HttpContext http, int status, string detail);
