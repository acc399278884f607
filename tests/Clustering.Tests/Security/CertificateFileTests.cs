using System.Text;
using Slowrun.Clustering.Security;
using Slowrun.Storage;

namespace Slowrun.Clustering.Tests.Security;

public sealed class CertificateFileTests
{
    private readonly MemoryStore store = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ReadOrMake_WhenManySilosStartAtOnce_GivesAllTheSame()
    {
        var made = await Task.WhenAll(
            Enumerable.Range(0, 16).Select(_ => Task.Run(() => new CertificateFile(store).ReadOrMakeAsync(Cancel)))
        );

        Assert.Single(made.Select(one => one.Current.Sha256).Distinct());
        Assert.True(made[0].Current.Certificate.HasPrivateKey);
        Assert.Null(made[0].PreviousSha256);
    }

    [Fact]
    public async Task Make_WhateverTheClock_IsValidForEver()
    {
        var certificate = (await new CertificateFile(store).ReadOrMakeAsync(Cancel)).Current.Certificate;

        Assert.Equal(2000, certificate.NotBefore.ToUniversalTime().Year);
        Assert.Equal(9999, certificate.NotAfter.ToUniversalTime().Year);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("{\"certificate\":\"\",\"privateKey\":\"\"}")]
    [InlineData("{\"certificate\":\"not base64\",\"privateKey\":\"AAAA\"}")]
    [InlineData("{\"certificate\":\"AAAA\",\"format\":2,\"privateKey\":\"AAAA\"}")]
    public async Task Read_WhenItIsDamaged_NamesItAndSaysWhatToDo_AndRotationMakesItAnew(string damaged)
    {
        await store.WriteAsync(CertificateFile.Name, Encoding.UTF8.GetBytes(damaged), Cancel);
        var file = new CertificateFile(store);

        var error = await Assert.ThrowsAsync<InvalidDataException>(() => file.ReadOrMakeAsync(Cancel));
        Assert.StartsWith($"'cluster/certificate' in {store.Address} is no certificate: ", error.Message, StringComparison.Ordinal);
        Assert.Contains("slowrun cluster rotate-certificate", error.Message, StringComparison.Ordinal);

        var rotated = await file.RotateAsync(keepPrevious: true, Cancel);
        Assert.Equal(rotated.Current.Sha256, (await file.ReadOrMakeAsync(Cancel)).Current.Sha256);
        Assert.Null(rotated.PreviousSha256);
    }

    [Fact]
    public async Task Read_WhenAnyBitIsFlippedOrAnothersKeyStandsThere_IsDamage()
    {
        var file = new CertificateFile(store);
        await file.ReadOrMakeAsync(Cancel);
        var whole = (await store.TryReadAsync(CertificateFile.Name, Cancel))!.Content.ToArray();
        for (var at = 0; at < whole.Length; at += 7)
        {
            byte[] flipped = [.. whole];
            flipped[at] ^= 1;
            await store.WriteAsync(CertificateFile.Name, flipped, Cancel);
            await Assert.ThrowsAsync<InvalidDataException>(() => file.ReadOrMakeAsync(Cancel));
        }

        var exchanged = ClusterCertificate.Make() with { PrivateKey = ClusterCertificate.Make().PrivateKey };
        await store.WriteAsync(CertificateFile.Name, SealedJson.Serialize(CertificateFile.Name, exchanged), Cancel);
        await Assert.ThrowsAsync<InvalidDataException>(() => file.ReadOrMakeAsync(Cancel));
    }

    [Fact]
    public async Task Rotate_WhenAskedTo_KeepsOrDropsTheOneBefore()
    {
        var file = new CertificateFile(store);
        var first = await file.RotateAsync(keepPrevious: true, Cancel);
        Assert.Null(first.PreviousSha256);

        var second = await file.RotateAsync(keepPrevious: true, Cancel);
        Assert.Equal(first.Current.Sha256, second.PreviousSha256);
        Assert.NotEqual(first.Current.Sha256, second.Current.Sha256);

        Assert.Null((await file.RotateAsync(keepPrevious: false, Cancel)).PreviousSha256);
    }

    [Fact]
    public async Task Rotate_WhenManyDoItAtOnce_EndsWithOneOfThem()
    {
        var rotated = await Task.WhenAll(
            Enumerable.Range(0, 4).Select(_ => Task.Run(() => new CertificateFile(store).RotateAsync(keepPrevious: true, Cancel)))
        );

        var now = await new CertificateFile(store).ReadOrMakeAsync(Cancel);
        Assert.Contains(now.Current.Sha256, rotated.Select(one => one.Current.Sha256));
    }
}
