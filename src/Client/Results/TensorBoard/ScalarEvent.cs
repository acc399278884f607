using Google.Protobuf;

namespace Slowrun.Client.Results.TensorBoard;

/// <summary>
/// An <c>Event</c> of TensorFlow's event.proto, as far as curves need it: wall_time = 1, step = 2, file_version = 3, summary = 5 with
/// values = 1, of which each has tag = 1 and simple_value = 2.
/// </summary>
/// <param name="WallTime">Seconds since 1970.</param>
internal sealed record ScalarEvent(double WallTime, long Step, IReadOnlyList<(string Tag, float Value)> Values)
{
    /// <summary>The record that every file begins with.</summary>
    public static byte[] FileVersion() =>
        Message(output =>
        {
            output.WriteTag(3, WireFormat.WireType.LengthDelimited);
            output.WriteString("brain.Event:2");
        });

    public byte[] Bytes() =>
        Message(output =>
        {
            output.WriteTag(1, WireFormat.WireType.Fixed64);
            output.WriteDouble(WallTime);
            output.WriteTag(2, WireFormat.WireType.Varint);
            output.WriteInt64(Step);
            output.WriteTag(5, WireFormat.WireType.LengthDelimited);
            output.WriteBytes(ByteString.CopyFrom(Message(summary => Values.ToList().ForEach(value => WriteValue(summary, value)))));
        });

    /// <summary>Reads what <see cref="Bytes"/> wrote; of other events, step 0 and no values.</summary>
    /// <exception cref="InvalidProtocolBufferException">These bytes are no message.</exception>
    public static ScalarEvent Parse(byte[] bytes)
    {
        var (time, step, values) = (0.0, 0L, new List<(string, float)>());
        Fields(
            bytes,
            (input, field) =>
            {
                switch (field)
                {
                    case 1:
                        time = input.ReadDouble();
                        return true;
                    case 2:
                        step = input.ReadInt64();
                        return true;
                    case 5:
                        Fields(
                            input.ReadBytes().ToByteArray(),
                            (summary, of) =>
                            {
                                if (of == 1)
                                {
                                    values.Add(Value(summary.ReadBytes().ToByteArray()));
                                }

                                return of == 1;
                            }
                        );
                        return true;
                    default:
                        return false;
                }
            }
        );
        return new ScalarEvent(time, step, values);
    }

    private static (string Tag, float Value) Value(byte[] bytes)
    {
        var (tag, value) = ("", 0f);
        Fields(
            bytes,
            (input, field) =>
            {
                switch (field)
                {
                    case 1:
                        tag = input.ReadString();
                        return true;
                    case 2:
                        value = input.ReadFloat();
                        return true;
                    default:
                        return false;
                }
            }
        );
        return (tag, value);
    }

    private static void WriteValue(CodedOutputStream summary, (string Tag, float Value) one)
    {
        summary.WriteTag(1, WireFormat.WireType.LengthDelimited);
        summary.WriteBytes(
            ByteString.CopyFrom(
                Message(output =>
                {
                    output.WriteTag(1, WireFormat.WireType.LengthDelimited);
                    output.WriteString(one.Tag);
                    output.WriteTag(2, WireFormat.WireType.Fixed32);
                    output.WriteFloat(one.Value);
                })
            )
        );
    }

    private static byte[] Message(Action<CodedOutputStream> write)
    {
        using var bytes = new MemoryStream();
        using (var output = new CodedOutputStream(bytes, leaveOpen: true))
        {
            write(output);
        }

        return bytes.ToArray();
    }

    /// <param name="read">Reads a field's value and says true, or leaves it.</param>
    private static void Fields(byte[] bytes, Func<CodedInputStream, int, bool> read)
    {
        using var input = new CodedInputStream(bytes);
        while (input.ReadTag() is var tag && tag != 0)
        {
            if (!read(input, WireFormat.GetTagFieldNumber(tag)))
            {
                input.SkipLastField();
            }
        }
    }
}
