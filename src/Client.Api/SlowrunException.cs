using System.Net;
using System.Text.Json;

namespace Slowrun.Client.Api;

/// <summary>The server has refused a request, or answered with what is no answer. The message is the server's own: what was found,
/// expected, and what to do.</summary>
public sealed class SlowrunException : Exception
{
    private const int LongestText = 500;

    /// <summary>As the generated code throws it.</summary>
    internal SlowrunException(
        string message,
        int statusCode,
        string? response,
        IReadOnlyDictionary<string, IEnumerable<string>> headers,
        Exception? innerException
    )
        : this(message, (HttpStatusCode)statusCode, response, innerException) { }

    internal SlowrunException(string message, HttpStatusCode statusCode, string? response, Exception? innerException)
        : this(Problem.Of(response), message, statusCode, response, innerException) { }

    private SlowrunException(Problem problem, string message, HttpStatusCode statusCode, string? response, Exception? innerException)
        : base(
            problem.Detail
                ?? (string.IsNullOrWhiteSpace(response) || innerException is not null ? message : $"{message}\n{Short(response)}"),
            innerException
        ) => (StatusCode, Errors) = (statusCode, problem.Errors);

    public HttpStatusCode StatusCode { get; }

    /// <summary>Of a refused spec: what is wrong, by the field that it is about. Empty for all other refusals.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Errors { get; }

    /// <summary>Whether the same request may succeed later: the server is busy, stops, or does not reach its store.</summary>
    internal bool IsPassing =>
        StatusCode is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError;

    private static string Short(string text) => text.Length > LongestText ? text[..LongestText] + "…" : text;

    /// <summary>Problem details (RFC 9457).</summary>
    private sealed record Problem(string? Detail, IReadOnlyDictionary<string, IReadOnlyList<string>> Errors)
    {
        private static readonly Problem None = new(null, new Dictionary<string, IReadOnlyList<string>>());

        public static Problem Of(string? response)
        {
            try
            {
                using var document = JsonDocument.Parse(response ?? "");
                return document.RootElement.ValueKind == JsonValueKind.Object ? Of(document.RootElement) : None;
            }
            catch (JsonException)
            {
                // Of something between this program and the server, for example a proxy.
                return None;
            }
        }

        private static Problem Of(JsonElement problem) =>
            new(
                Text(problem, "detail") ?? Text(problem, "title"),
                problem.TryGetProperty("errors", out var errors) && errors.ValueKind == JsonValueKind.Object
                    ? errors.EnumerateObject().ToDictionary(field => field.Name, field => Messages(field.Value))
                    : None.Errors
            );

        private static string? Text(JsonElement problem, string name) =>
            problem.TryGetProperty(name, out var text) && text.ValueKind == JsonValueKind.String ? text.GetString() : null;

        private static IReadOnlyList<string> Messages(JsonElement field) =>
            field.ValueKind == JsonValueKind.Array ? [.. field.EnumerateArray().Select(message => message.ToString())] : [field.ToString()];
    }
}
