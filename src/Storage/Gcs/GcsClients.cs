using Google.Apis.Auth.OAuth2;
using Google.Apis.Storage.v1;
using Google.Cloud.Storage.V1;
using Slowrun.Storage.Remote;

namespace Slowrun.Storage.Gcs;

/// <summary>Clients of Google Cloud Storage that try nothing twice, with the Application Default Credentials, or of an emulator.</summary>
internal static class GcsClients
{
    /// <summary>As other clients of Google's read it: <c>HOST:PORT</c> or a URL, of a server that asks for no credentials.</summary>
    public const string EmulatorVariable = "STORAGE_EMULATOR_HOST";

    // Of the JSON API, at each server.
    private const string ApiPath = "/storage/v1/";

    /// <summary>The server that the environment names; null: Google's.</summary>
    public static Uri? Emulator =>
        Environment.GetEnvironmentVariable(EmulatorVariable) is { } given && !string.IsNullOrWhiteSpace(given) ? UriOf(given.Trim()) : null;

    /// <param name="emulator">Null: Google's own server.</param>
    /// <param name="credential">Null: the default one, or none for an emulator.</param>
    /// <exception cref="StoreException">There is no credential.</exception>
    public static async Task<StorageService> ConnectAsync(
        GcsAddress address,
        Uri? emulator,
        GoogleCredential? credential,
        CancellationToken cancellationToken
    )
    {
        // Google.Cloud.Storage.V1 makes its service without retries of its own; each of its own methods would add some.
        var builder = new StorageClientBuilder
        {
            ApplicationName = "slowrun",
            BaseUri = emulator is null ? null : new Uri(emulator, ApiPath).ToString(),
            GoogleCredential = credential,
            UnauthenticatedAccess = emulator is not null && credential is null,
        };
        try
        {
            return (await builder.BuildAsync(cancellationToken).ConfigureAwait(false)).Service;
        }
        catch (Exception e) when (e is InvalidOperationException or IOException or FormatException)
        {
            throw new StoreException(
                StoreProblem.Denied,
                $"There is no credential to open the store '{address}' with: {StoreTries.Short(e)}. {GcsPipeline.Advice}",
                e
            );
        }
    }

    private static Uri UriOf(string given) =>
        Uri.TryCreate(given.Contains("://", StringComparison.Ordinal) ? given : $"http://{given}", UriKind.Absolute, out var uri)
        && uri is { Scheme: "http" or "https", UserInfo: "", Query: "", Fragment: "" }
            ? uri
            : throw new StoreException(
                StoreProblem.Unsuitable,
                $"{EmulatorVariable} is no address of a server: expected HOST:PORT or http://HOST:PORT. Set it right, "
                    + "or unset it to use Google Cloud Storage itself."
            );
}
