using NJsonSchema.CodeGeneration.CSharp;
using NSwag;
using NSwag.CodeGeneration.CSharp;
using NSwag.CodeGeneration.OperationNameGenerators;
using Slowrun.Client.Api;

namespace Slowrun.Web.Tests.ClientLibrary;

/// <summary>Makes the client library's code of the API's description, by NSwag.</summary>
internal static class ClientGenerator
{
    /// <summary>Server-sent events, which the library reads itself (<see cref="SlowrunClient.WatchRunAsync"/>).</summary>
    private static readonly string[] Streams = ["followRun", "followRuns"];

    /// <summary>Bodies of refusals, which <see cref="SlowrunException"/> reads itself, and of streams.</summary>
    private static readonly string[] Unused = ["HttpValidationProblemDetails", "ProblemDetails", "Stream"];

    private const string List = "System.Collections.Generic.IReadOnlyList";

    /// <param name="description">OpenAPI, as JSON.</param>
    public static async Task<string> GenerateAsync(string description, CancellationToken cancellationToken)
    {
        var document = await OpenApiDocument.FromJsonAsync(description, cancellationToken);
        foreach (var item in document.Paths.Values)
        {
            foreach (var method in item.Where(one => Streams.Contains(one.Value.OperationId)).Select(one => one.Key).ToList())
            {
                item.Remove(method);
            }

            foreach (var operation in item.Values)
            {
                Prepare(operation);
            }
        }

        foreach (var unused in Unused)
        {
            document.Definitions.Remove(unused);
        }

        var settings = new CSharpClientGeneratorSettings
        {
            ClassName = nameof(SlowrunClient),
            ExceptionClass = nameof(SlowrunException),
            GenerateExceptionClasses = false,
            GenerateOptionalParameters = true,
            OperationNameGenerator = new SingleClientFromOperationIdOperationNameGenerator(),
            ResponseArrayType = List,
            UseBaseUrl = false,
            CSharpGeneratorSettings =
            {
                ArrayType = List,
                DictionaryType = "System.Collections.Generic.IReadOnlyDictionary",
                GenerateDataAnnotations = false,
                GenerateNullableReferenceTypes = true,
                JsonLibrary = CSharpJsonLibrary.SystemTextJson,
                // .NET's.
                JsonLibraryVersion = 10,
                Namespace = typeof(SlowrunClient).Namespace!,
            },
        };
        return new CSharpClientGenerator(document, settings).GenerateFile();
    }

    /// <summary>Takes refusals out, and gives the body its name.</summary>
    private static void Prepare(OpenApiOperation operation)
    {
        foreach (var refusal in operation.Responses.Keys.Where(status => status[0] != '2').ToList())
        {
            operation.Responses.Remove(refusal);
        }

        if (operation.RequestBody is { } body)
        {
            body.Name = "spec";
        }
    }
}
