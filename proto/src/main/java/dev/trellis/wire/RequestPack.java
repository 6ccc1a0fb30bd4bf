package dev.trellis.wire;

import dev.trellis.lattice.Payload;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/// Frames that leave together, each with its length in front as on the socket. Plain requests, see
/// [PlainRequests], are encoded in place, one by one or in a batch. Used again for the next ones.
public final class RequestPack extends PackBuffer {
  private static final VarHandle INTS =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);

  // Tags of `trellis.proto`: field number and wire type.
  private static final byte FRAME_SINGLE = 1 << 3 | 2;
  private static final byte FRAME_BATCH = 2 << 3 | 2;
  private static final byte BATCH_REQUEST = 1 << 3 | 2;
  private static final byte ID = 1 << 3;
  private static final byte KEY = 2 << 3 | 2;
  private static final byte OPERATION = 3 << 3 | 2;
  private static final byte SEQUENCE = 4 << 3;
  private static final byte TIMESTAMP = 5 << 3 | 1;
  private static final byte GENERATION = 6 << 3 | 1;
  private static final byte ACKNOWLEDGEMENT = 7 << 3;
  private static final byte READ = 8 << 3;
  private static final byte TTL = 9 << 3;
  private static final byte TIMEOUT = 10 << 3;
  private static final byte RING_VERSION = 11 << 3;
  private static final byte REPEAT = 12 << 3;
  private static final byte OBSERVED = 14 << 3;
  private static final byte GET = 1 << 3 | 2;
  private static final byte PUT = 2 << 3 | 2;
  private static final byte GET_KIND = 1 << 3;
  private static final byte PUT_VALUE = 1 << 3 | 2;

  /// All of a plain request but key and value: tags, lengths and numbers at their longest.
  private static final int PLAIN_BYTES_MAX = 160;

  /// Longer values are not worth a way of their own.
  private static final int VALUE_BYTES_MAX = 4 << 10;

  private static final int KEPT_BYTES_MAX = 256 << 10;

  /// In front of the requests of a batch, at its longest: the length of the frame, its tag, the
  /// length of the requests.
  private static final int HEAD_BYTES_MAX = Integer.BYTES + 1 + 5;

  private int batchAt = -1; // where the batch starts that was begun; -1 if there is none

  /// Adds the message of a frame.
  public void add(byte[] message) {
    reserve(Integer.BYTES + message.length);
    INTS.set(buffer, size, message.length);
    System.arraycopy(message, 0, buffer, size + Integer.BYTES, message.length);
    size += Integer.BYTES + message.length;
  }

  /// Whether requests for an operation are plain and short, unless they name generations of fields,
  /// make a demand or carry a tag.
  public static boolean isPlain(Operation operation) {
    return operation instanceof Read.Get
        || (operation instanceof Mutation.Put put && put.value().size() <= VALUE_BYTES_MAX);
  }

  /// No plain request for this takes more bytes, in whatever frame.
  public static int plainBytesMax(Payload key, Operation operation) {
    return PLAIN_BYTES_MAX
        + key.size()
        + (operation instanceof Mutation.Put put ? put.value().size() : 0);
  }

  /// Begins a [Frame.Batch]: the plain requests that are added next are in it, up to [#endBatch].
  /// Nothing else may be added meanwhile.
  public void beginBatch() {
    reserve(HEAD_BYTES_MAX);
    batchAt = size;
    size += HEAD_BYTES_MAX;
  }

  /// Whether a batch was begun and has not ended.
  public boolean isInBatch() {
    return batchAt >= 0;
  }

  /// Ends the batch that was begun; one without requests is no frame.
  public void endBatch() {
    int from = batchAt + HEAD_BYTES_MAX;
    int bytes = size - from;
    size = batchAt;
    batchAt = -1;
    if (bytes == 0) {
      return;
    }
    // How long the head is, is known only now.
    int frameBytes = 1 + lengthOf(bytes) + bytes;
    System.arraycopy(buffer, from, buffer, size + Integer.BYTES + frameBytes - bytes, bytes);
    INTS.set(buffer, size, frameBytes);
    size += Integer.BYTES;
    buffer[size++] = FRAME_BATCH;
    varint(bytes);
    size += bytes;
  }

  /// Adds a request, as a [Frame.Single] or to the batch that was begun, if it is plain and short.
  ///
  /// @return whether it is; else nothing was added
  public boolean addPlain(Request request) {
    RequestContext context = request.context();
    if (!context.fieldGenerations().isEmpty()
        || !context.demand().equals(Demand.NONE)
        || context.tag().isPresent()) {
      return false;
    }
    if (request.operation() instanceof Read.Get get) {
      int kind = get.kind().isPresent() ? get.kind().get().number() : 0;
      add(request, GET, fieldBytes(kind), kind, Payload.EMPTY);
      return true;
    }
    if (request.operation() instanceof Mutation.Put put && put.value().size() <= VALUE_BYTES_MAX) {
      int length = put.value().size();
      add(request, PUT, length == 0 ? 0 : 1 + lengthOf(length) + length, 0, put.value());
      return true;
    }
    return false;
  }

  private void add(Request request, byte operation, int contentBytes, int kind, Payload value) {
    Payload key = request.key();
    RequestContext context = request.context();
    reserve(PLAIN_BYTES_MAX + key.size() + contentBytes);
    int operationBytes = 1 + lengthOf(contentBytes) + contentBytes;
    int bytes = requestBytes(request, operationBytes);
    if (batchAt >= 0) {
      buffer[size++] = BATCH_REQUEST;
    } else {
      INTS.set(buffer, size, 1 + lengthOf(bytes) + bytes);
      size += Integer.BYTES;
      buffer[size++] = FRAME_SINGLE;
    }
    varint(bytes);
    field(ID, request.id());
    if (!key.isEmpty()) {
      bytes(KEY, key);
    }
    buffer[size++] = OPERATION;
    varint(operationBytes);
    buffer[size++] = operation;
    varint(contentBytes);
    field(GET_KIND, kind);
    if (!value.isEmpty()) {
      bytes(PUT_VALUE, value);
    }
    field(SEQUENCE, context.sequence());
    fixed64(TIMESTAMP, context.timestamp().packed());
    if (context.generation().isPresent()) {
      alwaysFixed64(GENERATION, context.generation().get().packed());
    }
    field(ACKNOWLEDGEMENT, context.acknowledgement().number());
    field(READ, context.read().number());
    field(TTL, context.ttlMillis());
    field(TIMEOUT, context.timeoutMillis());
    field(RING_VERSION, context.ringVersion());
    field(REPEAT, context.repeat() ? 1 : 0);
    field(OBSERVED, context.observedMicros());
  }

  private static int requestBytes(Request request, int operationBytes) {
    RequestContext context = request.context();
    int key = request.key().size();
    return fieldBytes(request.id())
        + (key == 0 ? 0 : 1 + lengthOf(key) + key)
        + 1
        + lengthOf(operationBytes)
        + operationBytes
        + fieldBytes(context.sequence())
        + (context.timestamp().packed() == 0 ? 0 : 1 + Long.BYTES)
        + (context.generation().isEmpty() ? 0 : 1 + Long.BYTES)
        + fieldBytes(context.acknowledgement().number())
        + fieldBytes(context.read().number())
        + fieldBytes(context.ttlMillis())
        + fieldBytes(context.timeoutMillis())
        + fieldBytes(context.ringVersion())
        + (context.repeat() ? 2 : 0)
        + fieldBytes(context.observedMicros());
  }

  public boolean isEmpty() {
    return size == 0;
  }

  /// The bytes of the frames so far, which are the first ones of [#buffer].
  public int size() {
    return size;
  }

  public byte[] buffer() {
    return buffer;
  }

  /// Forgets the frames, and a batch that was begun.
  public void clear() {
    size = 0;
    batchAt = -1;
    if (buffer.length > KEPT_BYTES_MAX) {
      buffer = new byte[FIRST_BYTES];
    }
  }

  private void bytes(byte tag, Payload value) {
    buffer[size++] = tag;
    varint(value.size());
    value.copyTo(buffer, size);
    size += value.size();
  }
}
