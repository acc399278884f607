using Azure.Core;
using Azure.Identity;

namespace Slowrun.Storage.Blobs;

/// <summary>A storage account of Azure, and the credentials that open its services: a connection string of the environment, Azurite's
/// public key, or the default Azure credential.</summary>
/// <param name="Name">As Azure knows it.</param>
public sealed record AzureAccount(string Name)
{
    /// <summary>The environment variable with credentials for accounts that the default Azure credential does not open.</summary>
    public const string ConnectionStringVariable = "AZURE_STORAGE_CONNECTION_STRING";

    /// <summary>Azurite's account, and its key, which is public.</summary>
    public const string DevelopmentName = "devstoreaccount1";
    public const string DevelopmentKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    /// <summary>The connection string of the environment; null: none.</summary>
    public static string? ConnectionString =>
        Environment.GetEnvironmentVariable(ConnectionStringVariable) is { } given && !string.IsNullOrWhiteSpace(given) ? given : null;

    public bool IsDevelopment => Name == DevelopmentName;

    /// <summary>Opens one of the account's services.</summary>
    /// <param name="connectionString">Null or blank: none was given.</param>
    /// <param name="form">What a connection string has to have for the service, for the message.</param>
    /// <param name="what">What is in this account, for the message.</param>
    /// <exception cref="StoreException">The connection string is none, or another account's.</exception>
    public T Open<T>(
        string? connectionString,
        string form,
        string what,
        Func<string, T> byConnectionString,
        Func<T, string> accountOf,
        Func<T> development,
        Func<TokenCredential, T> byCredential
    ) =>
        !string.IsNullOrWhiteSpace(connectionString) ? WithConnectionString(connectionString, form, what, byConnectionString, accountOf)
        : IsDevelopment ? development()
        : byCredential(new DefaultAzureCredential());

    private T WithConnectionString<T>(
        string connectionString,
        string form,
        string what,
        Func<string, T> byConnectionString,
        Func<T, string> accountOf
    )
    {
        T service;
        try
        {
            service = byConnectionString(connectionString);
        }
        catch (Exception e) when (e is FormatException or ArgumentException or InvalidOperationException)
        {
            // Without the inner exception: it may quote the string.
            throw new StoreException(
                StoreProblem.Denied,
                $"{ConnectionStringVariable} is no connection string of {form}: {e.GetType().Name}."
            );
        }

        return accountOf(service) == Name
            ? service
            : throw new StoreException(
                StoreProblem.Denied,
                $"{ConnectionStringVariable} is for the account '{accountOf(service)}', {what}. Set or unset it to match."
            );
    }
}
