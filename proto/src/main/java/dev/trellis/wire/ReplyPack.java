package dev.trellis.wire;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/// Replies that leave in one frame, encoded as they come: a [Frame.Answer] if it is one, a
/// [Frame.Answers] if there are more, each with its length in front as on the socket. Used again
/// for the next frame.
public final class ReplyPack extends PackBuffer {
  private static final VarHandle INTS =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);

  // Tags of `trellis.proto`: field number and wire type.
  private static final byte FRAME_ANSWER = 3 << 3 | 2;
  private static final byte FRAME_ANSWERS = 4 << 3 | 2;
  private static final byte ANSWERS_REPLY = 1 << 3 | 2;
  private static final byte ID = 1 << 3;
  private static final byte DONE = 2 << 3 | 2;
  private static final byte GENERATION = 4 << 3 | 1;
  private static final byte KIND = 5 << 3;
  private static final byte COPIES = 7 << 3;
  private static final byte DURABLE_COPIES = 8 << 3;
  private static final byte CLOCK = 9 << 3 | 1;
  private static final byte RING_VERSION = 10 << 3;
  private static final byte DONE_VIEW = 1 << 3 | 2;
  private static final byte DONE_CHANGED = 2 << 3;
  private static final byte VIEW_MISSING = 1 << 3 | 2;
  private static final byte VIEW_BYTES = 2 << 3 | 2;
  private static final byte BYTES_VALUE = 1 << 3 | 2;
  private static final byte BYTES_EXPIRY = 2 << 3;

  /// In front of the replies: the length of the frame, its tag, the length of the replies.
  private static final int HEAD_BYTES = Integer.BYTES + 1 + 5;

  /// All of a plain reply but its value: tags, lengths and numbers at their longest.
  private static final int PLAIN_BYTES_MAX = 96;

  private static final int KEPT_BYTES_MAX = 512 << 10;

  private int count;

  public ReplyPack() {
    size = HEAD_BYTES;
  }

  public boolean isEmpty() {
    return count == 0;
  }

  /// The bytes of the replies so far.
  public int size() {
    return size - HEAD_BYTES;
  }

  /// Adds a reply.
  public void add(Reply reply) {
    WireWriter out = new WireWriter(ReplyCodec.expectedBytes(reply));
    ReplyCodec.write(out, reply);
    byte[] encoded = out.toBytes();
    reserve(encoded.length + PLAIN_BYTES_MAX);
    buffer[size++] = ANSWERS_REPLY;
    varint(encoded.length);
    System.arraycopy(encoded, 0, buffer, size, encoded.length);
    size += encoded.length;
    count++;
  }

  /// Adds a plain reply.
  public void add(PlainReply reply) {
    reserve(reply.valueLength + PLAIN_BYTES_MAX);
    int viewBytes = viewBytes(reply);
    int doneBytes =
        (viewBytes < 0 ? 0 : 1 + lengthOf(viewBytes) + viewBytes) + fieldBytes(reply.changed);
    buffer[size++] = ANSWERS_REPLY;
    varint(replyBytes(reply, doneBytes));
    field(ID, reply.id);
    buffer[size++] = DONE;
    varint(doneBytes);
    writeView(reply, viewBytes);
    field(DONE_CHANGED, reply.changed);
    fixed64(GENERATION, reply.generation);
    field(KIND, reply.isLww ? 1 : 0);
    field(COPIES, reply.copies);
    field(DURABLE_COPIES, reply.durableCopies);
    fixed64(CLOCK, reply.clock);
    field(RING_VERSION, reply.ringVersion);
    count++;
  }

  private static int replyBytes(PlainReply reply, int doneBytes) {
    return fieldBytes(reply.id)
        + 1
        + lengthOf(doneBytes)
        + doneBytes
        + (reply.generation == 0 ? 0 : 1 + Long.BYTES)
        + (reply.isLww ? 2 : 0)
        + fieldBytes(reply.copies)
        + fieldBytes(reply.durableCopies)
        + (reply.clock == 0 ? 0 : 1 + Long.BYTES)
        + fieldBytes(reply.ringVersion);
  }

  /// How long the view is without tag and length; -1 if it is left out.
  private static int viewBytes(PlainReply reply) {
    return switch (reply.shown) {
      case NOTHING -> -1;
      case MISSING -> 2;
      case BYTES -> {
        int bytes = contentBytes(reply);
        yield 1 + lengthOf(bytes) + bytes;
      }
    };
  }

  private static int contentBytes(PlainReply reply) {
    int value = reply.valueLength;
    return (value == 0 ? 0 : 1 + lengthOf(value) + value) + fieldBytes(reply.expiresAtMillis);
  }

  private void writeView(PlainReply reply, int viewBytes) {
    if (viewBytes < 0) {
      return;
    }
    buffer[size++] = DONE_VIEW;
    varint(viewBytes);
    if (reply.shown == PlainReply.Shown.MISSING) {
      buffer[size++] = VIEW_MISSING;
      buffer[size++] = 0;
      return;
    }
    buffer[size++] = VIEW_BYTES;
    varint(contentBytes(reply));
    if (reply.valueLength > 0) {
      buffer[size++] = BYTES_VALUE;
      varint(reply.valueLength);
      System.arraycopy(reply.source, reply.valueAt, buffer, size, reply.valueLength);
      size += reply.valueLength;
    }
    field(BYTES_EXPIRY, reply.expiresAtMillis);
  }

  /// Ends the frame: it stands in [#buffer] from the place returned up to [#end].
  public int finish() {
    int start;
    if (count == 1) {
      start = HEAD_BYTES - Integer.BYTES;
      buffer[HEAD_BYTES] = FRAME_ANSWER;
    } else {
      int replies = size();
      start = HEAD_BYTES - lengthOf(replies) - 1 - Integer.BYTES;
      buffer[start + Integer.BYTES] = FRAME_ANSWERS;
      int end = size;
      size = start + Integer.BYTES + 1;
      varint(replies);
      size = end;
    }
    INTS.set(buffer, start, size - start - Integer.BYTES);
    return start;
  }

  public byte[] buffer() {
    return buffer;
  }

  public int end() {
    return size;
  }

  /// Forgets the replies.
  public void clear() {
    size = HEAD_BYTES;
    count = 0;
    if (buffer.length > KEPT_BYTES_MAX) {
      buffer = new byte[FIRST_BYTES];
    }
  }
}
