using System.Runtime.InteropServices;
using ParquetSharp;
using Slowrun.Data.Corpus;

namespace Slowrun.Data.Inputs;

/// <summary>Parquet: each row's text column is a document. Reads a page at a time, whatever the size of a row group.</summary>
internal static class ParquetTextReader
{
    private const int BatchRows = 256;

    /// <param name="group">Called with the number of the row group that was read, and the number of all.</param>
    /// <exception cref="CorpusException">No such column, or one that holds no text; what was found.</exception>
    /// <exception cref="ParquetException">It is no Parquet file, or is damaged.</exception>
    public static IEnumerable<RawPiece> Read(string path, string name, string field, Action<int, int> group)
    {
        using var properties = ReaderProperties.GetDefaultReaderProperties();
        properties.EnableBufferedStream();
        using var file = new ParquetFileReader(path, properties);
        var column = Column(file, name, field);
        long row = 0;
        for (var g = 0; g < file.FileMetaData.NumRowGroups; g++)
        {
            using var rows = file.RowGroup(g);
            using var reader = (ColumnReader<ByteArray>)rows.Column(column);
            var (levels, values) = (new short[BatchRows], new ByteArray[BatchRows]);
            var begin = row;
            while (reader.HasNext)
            {
                var batch = Batch(reader, levels, values);
                if (batch.Count == 0)
                {
                    break;
                }

                foreach (var document in batch)
                {
                    row++;
                    var problem =
                        document is null ? $"the column '{field}' is null."
                        : Utf8Check.FirstBad(document) is >= 0 and var bad ? $"byte {bad} of its text is not UTF-8."
                        : null;
                    if (problem is not null)
                    {
                        yield return RawPiece.Bad($"'{name}', row {row}: {problem}", document?.Length ?? 0);
                        continue;
                    }

                    foreach (var piece in TextPieces.Of(document))
                    {
                        yield return piece;
                    }
                }
            }

            if (row - begin != rows.MetaData.NumRows)
            {
                throw new CorpusException(
                    $"'{name}' cannot be used: row group {g} should have {rows.MetaData.NumRows} rows, and {row - begin} can be read."
                );
            }

            group(g + 1, file.FileMetaData.NumRowGroups);
        }
    }

    /// <summary>Copies, since the values are the reader's until it is asked for more.</summary>
    private static List<byte[]?> Batch(ColumnReader<ByteArray> reader, short[] levels, ByteArray[] values)
    {
        // A field of a struct is null wherever a level above it is.
        var whole = reader.ColumnDescriptor.MaxDefinitionLevel;
        var nullable = whole > 0;
        var count = nullable
            ? reader.ReadBatch(BatchRows, levels, default, values, out _)
            : reader.ReadBatch(BatchRows, default, default, values, out _);
        var documents = new List<byte[]?>((int)count);
        var value = 0;
        for (var i = 0; i < count; i++)
        {
            documents.Add(nullable && levels[i] < whole ? null : Copy(values[value++]));
        }

        return documents;
    }

    private static byte[] Copy(ByteArray value)
    {
        var copy = new byte[value.Length];
        if (value.Length > 0)
        {
            Marshal.Copy(value.Pointer, copy, 0, copy.Length);
        }

        return copy;
    }

    private static int Column(ParquetFileReader file, string name, string field)
    {
        var schema = file.FileMetaData.Schema;
        var columns = Enumerable.Range(0, schema.NumColumns).Select(schema.Column).ToList();
        var index = columns.FindIndex(column => column.Path.ToDotString() == field);
        if (index < 0)
        {
            throw new CorpusException(
                $"'{name}' cannot be used: there is no column '{field}'; it has {string.Join(", ", columns.Take(20).Select(column => $"'{column.Path.ToDotString()}'"))}. Name the right one with --field."
            );
        }

        var found = columns[index];
        return found.PhysicalType == PhysicalType.ByteArray && found.MaxRepetitionLevel == 0
            ? index
            : throw new CorpusException(
                $"'{name}' cannot be used: the column '{field}' holds {(found.MaxRepetitionLevel > 0 ? "lists" : found.PhysicalType)}, expected strings."
            );
    }
}
