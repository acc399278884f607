using Slowrun.Storage.Blobs;

namespace Slowrun.Storage.Tests.Blobs;

public sealed class AzureAccountTests
{
    [Theory]
    [InlineData("AccountName=mine;AccountKey=k", "mine", "string AccountName=mine;AccountKey=k")]
    [InlineData(null, AzureAccount.DevelopmentName, "development")]
    [InlineData(" ", AzureAccount.DevelopmentName, "development")]
    [InlineData(null, "mine", "credential")]
    public void Open_TakesWhatIsGiven_ElseAzuritesKey_ElseTheDefaultCredential(string? given, string account, string by) =>
        Assert.Equal(by, Open(given, account));

    [Fact]
    public void Open_WhenTheConnectionStringIsAnotherAccounts_SaysWhose()
    {
        var error = Assert.Throws<StoreException>(() => Open("AccountName=other;AccountKey=k", "mine"));

        Assert.Equal(StoreProblem.Denied, error.Problem);
        Assert.Contains("is for the account 'other', the thing is in 'mine'.", error.Message, StringComparison.Ordinal);
    }

    /// <summary>It may hold a key.</summary>
    [Fact]
    public void Open_WhenTheConnectionStringIsNone_DoesNotQuoteIt()
    {
        var error = Assert.Throws<StoreException>(() => Open("secret", "mine"));

        Assert.DoesNotContain("secret", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("of a service", error.Message, StringComparison.Ordinal);
    }

    private static string Open(string? connectionString, string account) =>
        new AzureAccount(account).Open(
            connectionString,
            "a service",
            $"the thing is in '{account}'",
            given => given.StartsWith("AccountName=", StringComparison.Ordinal) ? $"string {given}" : throw new FormatException(given),
            service => service["string AccountName=".Length..].Split(';')[0],
            () => "development",
            _ => "credential"
        );
}
