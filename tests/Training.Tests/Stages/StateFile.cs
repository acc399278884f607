using System.Text;
using Slowrun.Core.Tensors;

namespace Slowrun.Training.Tests.Stages;

/// <summary>A captured state in a file, for another process of the same tests.</summary>
internal static class StateFile
{
    public static void Write(string path, IReadOnlyList<TensorData> state)
    {
        using var writer = new BinaryWriter(File.Create(path), Encoding.UTF8);
        writer.Write(state.Count);
        foreach (var tensor in state)
        {
            writer.Write(tensor.Name);
            writer.Write((int)tensor.Type);
            writer.Write(tensor.Shape.Count);
            foreach (var size in tensor.Shape)
            {
                writer.Write(size);
            }

            writer.Write(tensor.Bytes.Length);
            writer.Write(tensor.Bytes.Span);
        }
    }

    public static IReadOnlyList<TensorData> Read(string path)
    {
        using var reader = new BinaryReader(File.OpenRead(path), Encoding.UTF8);
        var state = new TensorData[reader.ReadInt32()];
        for (var i = 0; i < state.Length; i++)
        {
            var (name, type) = (reader.ReadString(), (ElementType)reader.ReadInt32());
            var shape = new long[reader.ReadInt32()];
            for (var d = 0; d < shape.Length; d++)
            {
                shape[d] = reader.ReadInt64();
            }

            state[i] = new TensorData(name, type, shape, reader.ReadBytes(reader.ReadInt32()));
        }

        return state;
    }
}
