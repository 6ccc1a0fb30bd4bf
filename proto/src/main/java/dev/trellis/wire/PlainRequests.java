package dev.trellis.wire;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// The requests of a frame that are all *plain*: a `get` of an `lww`, or of whatever there is, or a
/// `put`; what most frames hold. Read in place, field by field, without making an object: the same
/// reader goes from request to request and from frame to frame.
///
/// It accepts less than [FrameCodec]: whatever is not plain, malformed or beyond a limit it leaves
/// to that, which knows what to say. What it accepts, [FrameCodec] reads as the same [Request]s.
public final class PlainRequests extends PlainReader {
  // Tags of `trellis.proto`: field number and wire type.
  private static final int FRAME_SINGLE = 1 << 3 | 2;
  private static final int FRAME_BATCH = 2 << 3 | 2;
  private static final int BATCH_REQUEST = 1 << 3 | 2;
  private static final int ID = 1 << 3;
  private static final int KEY = 2 << 3 | 2;
  private static final int OPERATION = 3 << 3 | 2;
  private static final int SEQUENCE = 4 << 3;
  private static final int TIMESTAMP = 5 << 3 | 1;
  private static final int GENERATION = 6 << 3 | 1;
  private static final int ACKNOWLEDGEMENT = 7 << 3;
  private static final int TTL = 9 << 3;
  private static final int TIMEOUT = 10 << 3;
  private static final int RING_VERSION = 11 << 3;
  private static final int REPEAT = 12 << 3;
  private static final int OBSERVED = 14 << 3;
  private static final int GET = 1 << 3 | 2;
  private static final int PUT = 2 << 3 | 2;
  private static final int GET_KIND = 1 << 3;
  private static final int PUT_VALUE = 1 << 3 | 2;

  private static final Acknowledgement[] ACKNOWLEDGEMENTS = Acknowledgement.values();
  private static final Optional<Kind> LWW = Optional.of(Kind.LWW);

  private final Limits limits;

  // The frame.
  private int count; // of requests
  private int taken; // of these
  private int nextAt; // where in a batch the next one starts; -1 where there is no batch
  private int[] keys = new int[128]; // of a batch: place and length of each request's key

  // The request.
  private long id;
  private int keyAt;
  private int keyLength;
  private boolean isPut;
  private boolean namesKind;
  private int valueAt;
  private int valueLength;
  private long sequence;
  private boolean repeat;
  private long timestamp;
  private boolean hasGeneration;
  private long generation;
  private Acknowledgement acknowledgement = Acknowledgement.DEFAULT;
  private long ttlMillis;
  private long timeoutMillis;
  private long ringVersion;
  private long observedMicros;

  /// @param limits beyond which a request is not plain
  public PlainRequests(Limits limits) {
    this.limits = limits;
  }

  /// Looks at a frame: `length` bytes from `offset`, which must stay as they are while its requests
  /// are taken. O(length).
  ///
  /// @return whether all that it holds are plain requests, at least one; [#next] takes the first
  public boolean accept(byte[] message, int offset, int length) {
    source = message;
    count = 0;
    taken = 0;
    nextAt = -1;
    odd = false;
    at = offset;
    int end = offset + length;
    if (length < 2) {
      return false;
    }
    int tag = source[at++];
    int size = length(end);
    if (odd || at + size != end) {
      return false;
    }
    if (tag == FRAME_SINGLE) {
      count = readRequest(end) ? 1 : 0;
    } else if (tag == FRAME_BATCH) {
      nextAt = at;
      count = countBatch(end);
    }
    return count > 0;
  }

  private int countBatch(int end) {
    int requests = 0;
    while (at < end) {
      if (source[at++] != BATCH_REQUEST || requests == limits.batchKeysMax()) {
        return 0;
      }
      int size = length(end);
      if (odd || !readRequest(at + size)) {
        return 0;
      }
      if (keys.length == 2 * requests) {
        keys = Arrays.copyOf(keys, 2 * keys.length);
      }
      keys[2 * requests] = keyAt;
      keys[2 * requests + 1] = keyLength;
      requests++;
    }
    return requests;
  }

  /// The number of requests in the frame.
  public int count() {
    return count;
  }

  /// Where in [#source] the key of a request of the frame is, taken or not.
  ///
  /// @param request from 0 to one less than [#count], which is above 1
  public int keyAt(int request) {
    return keys[2 * request];
  }

  /// As [#keyAt(int)].
  public int keyLength(int request) {
    return keys[2 * request + 1];
  }

  /// Takes the next request of the frame; false if there is none left.
  public boolean next() {
    if (taken == count) {
      return false;
    }
    taken++;
    if (nextAt >= 0) {
      // Read a second time, since nothing may be done before all were found plain.
      at = nextAt + 1;
      int size = length(source.length);
      nextAt = at + size;
      readRequest(nextAt);
    }
    return true;
  }

  // ---- The request that was taken last ----

  public long id() {
    return id;
  }

  /// The array in which [#keyAt] and [#valueAt] are places.
  public byte[] source() {
    return source;
  }

  public int keyAt() {
    return keyAt;
  }

  /// 1 to the longest key that the limits allow.
  public int keyLength() {
    return keyLength;
  }

  /// Whether it is a `put`; else it is a `get`.
  public boolean isPut() {
    return isPut;
  }

  public int valueAt() {
    return valueAt;
  }

  /// 0 to the longest value that the limits allow.
  public int valueLength() {
    return valueLength;
  }

  /// See [RequestContext#sequence].
  public long sequence() {
    return sequence;
  }

  public boolean repeat() {
    return repeat;
  }

  /// Packed, as in [HybridTimestamp#packed].
  public long timestamp() {
    return timestamp;
  }

  public boolean hasGeneration() {
    return hasGeneration;
  }

  /// Packed; 0 if it has none.
  public long generation() {
    return generation;
  }

  public Acknowledgement acknowledgement() {
    return acknowledgement;
  }

  public long ttlMillis() {
    return ttlMillis;
  }

  /// How long the client waits; 0 if it does not say.
  public long timeoutMillis() {
    return timeoutMillis;
  }

  /// What the client saw of another request; 0 if it does not say.
  public long observedMicros() {
    return observedMicros;
  }

  public Payload key() {
    return Payload.of(source, keyAt, keyLength);
  }

  public Payload value() {
    return Payload.of(source, valueAt, valueLength);
  }

  /// The same as an object of its own, which may be kept.
  public Request toRequest() {
    Operation operation =
        isPut ? new Mutation.Put(value()) : namesKind ? new Read.Get(LWW) : Read.Get.ANY;
    return new Request(
        id,
        key(),
        operation,
        new RequestContext(
            sequence,
            repeat,
            new HybridTimestamp(timestamp),
            hasGeneration ? Optional.of(new HybridTimestamp(generation)) : Optional.empty(),
            acknowledgement,
            ReadMode.ANY,
            ttlMillis,
            timeoutMillis,
            ringVersion,
            List.of(),
            observedMicros,
            Demand.NONE,
            Optional.empty()));
  }

  // ---- Reading ----

  /// Reads a request from `at` up to `end`.
  ///
  /// @return whether it is plain
  private boolean readRequest(int end) {
    id = 0;
    keyLength = 0;
    valueLength = 0;
    sequence = 0;
    repeat = false;
    timestamp = 0;
    hasGeneration = false;
    generation = 0;
    acknowledgement = Acknowledgement.DEFAULT;
    ttlMillis = 0;
    timeoutMillis = 0;
    ringVersion = 0;
    observedMicros = 0;
    boolean hasOperation = false;
    while (at < end && !odd) {
      switch (source[at++]) {
        case ID -> id = varint(end);
        case KEY -> {
          keyLength = length(end);
          keyAt = at;
          at += keyLength;
        }
        case OPERATION -> {
          int size = length(end);
          odd |= hasOperation || !readOperation(at + size);
          hasOperation = true;
        }
        case SEQUENCE -> sequence = varint(end);
        case TIMESTAMP -> timestamp = fixed64(end);
        case GENERATION -> {
          generation = fixed64(end);
          hasGeneration = true;
        }
        case ACKNOWLEDGEMENT -> {
          long number = varint(end);
          if (number >= 0 && number < ACKNOWLEDGEMENTS.length) {
            acknowledgement = ACKNOWLEDGEMENTS[(int) number];
          } else {
            odd = true;
          }
        }
        case TTL -> ttlMillis = varint(end);
        case TIMEOUT -> timeoutMillis = varint(end);
        case RING_VERSION -> ringVersion = varint(end);
        case REPEAT -> repeat = varint(end) != 0;
        case OBSERVED -> observedMicros = varint(end);
        default -> odd = true;
      }
    }
    return !odd
        && at == end
        && hasOperation
        && keyLength > 0
        && keyLength <= limits.keyBytesMax()
        && valueLength <= limits.valueBytesMax()
        && timestamp >= 0
        && generation >= 0;
  }

  private boolean readOperation(int end) {
    if (odd || at >= end) {
      return false;
    }
    int tag = source[at++];
    int size = length(end);
    if (odd || at + size != end) {
      return false;
    }
    if (tag == GET) {
      isPut = false;
      namesKind = size > 0;
      return size == 0 || (source[at++] == GET_KIND && varint(end) == 1 && at == end);
    }
    if (tag != PUT) {
      return false;
    }
    isPut = true;
    if (size > 0) {
      if (source[at++] != PUT_VALUE) {
        return false;
      }
      valueLength = length(end);
    }
    valueAt = at;
    at += valueLength;
    return at == end;
  }
}
