package dev.trellis.causal;

import java.util.HexFormat;
import java.util.random.RandomGenerator;

/// Names one invocation of a function, however often it is run. It tells when the invocation was
/// born, so that whoever keeps something of it knows when nobody can ask for it any more.
///
/// Text form: 32 lower-case hexadecimal digits, of which the first 12 are the birth in milliseconds
/// since the epoch. 78 bits are random.
///
/// @param high birth in milliseconds `<< 16`, and 16 random bits; not negative
/// @param low 62 random bits; not negative, the uppermost bit below the sign is 0
public record InvocationId(long high, long low) implements Comparable<InvocationId> {
  /// The latest birth that an id can tell.
  public static final long BORN_MILLIS_MAX = (1L << 47) - 1;

  private static final int RANDOM_BITS = 16;
  private static final long LOW_MAX = (1L << 62) - 1;

  /// Marks a replica id as an invocation's: births of shards count up from 0, and stay below.
  private static final long MARK = 1L << 62;

  private static final int TEXT_LENGTH = 32;

  /// The greatest of all.
  static final InvocationId LAST = new InvocationId(Long.MAX_VALUE, LOW_MAX);

  public InvocationId {
    if (high < 0 || low < 0 || low > LOW_MAX) {
      throw new IllegalArgumentException(
          "invocation id "
              + text(high, low)
              + " is none: the first digit is 0 to 7, the seventeenth 0 to 3");
    }
  }

  /// An id of an invocation that is born now.
  ///
  /// @param bornMillis 0 to [#BORN_MILLIS_MAX]
  public static InvocationId mint(long bornMillis, RandomGenerator random) {
    if (bornMillis < 0 || bornMillis > BORN_MILLIS_MAX) {
      throw new IllegalArgumentException(
          "birth " + bornMillis + " is outside 0 to " + BORN_MILLIS_MAX + " ms");
    }
    return new InvocationId(
        (bornMillis << RANDOM_BITS) | (random.nextLong() >>> (Long.SIZE - RANDOM_BITS)),
        random.nextLong() & LOW_MAX);
  }

  /// The id of a text form.
  ///
  /// @throws IllegalArgumentException if it is none
  public static InvocationId ofText(String text) {
    if (text.length() != TEXT_LENGTH) {
      throw new IllegalArgumentException(
          "invocation id '" + text + "' has " + text.length() + " characters, not " + TEXT_LENGTH);
    }
    for (int at = 0; at < TEXT_LENGTH; at++) {
      char digit = text.charAt(at);
      if ((digit < '0' || digit > '9') && (digit < 'a' || digit > 'f')) {
        throw new IllegalArgumentException(
            "invocation id '" + text + "' has '" + digit + "', which is not 0 to 9 or a to f");
      }
    }
    return new InvocationId(
        HexFormat.fromHexDigitsToLong(text, 0, 16), HexFormat.fromHexDigitsToLong(text, 16, 32));
  }

  /// When the invocation was born, in milliseconds since the epoch.
  public long bornMillis() {
    return high >>> RANDOM_BITS;
  }

  /// The name under which the invocation writes into values, wherever it runs.
  public ReplicaId replica() {
    return new ReplicaId(high, low | MARK);
  }

  /// Whether a name is that of an invocation, not of a shard.
  public static boolean isOne(ReplicaId replica) {
    return replica.birth() >= MARK;
  }

  /// When the invocation was born whose name this is, in milliseconds since the epoch.
  public static long bornMillis(ReplicaId replica) {
    return replica.incarnation() >>> RANDOM_BITS;
  }

  /// The least id of an invocation that is born then.
  static InvocationId firstBornAt(long bornMillis) {
    return new InvocationId(bornMillis << RANDOM_BITS, 0);
  }

  /// The least name that an invocation born then, or later, can have.
  static ReplicaId firstBorn(long bornMillis) {
    return bornMillis > BORN_MILLIS_MAX
        ? new ReplicaId(Long.MAX_VALUE, Long.MAX_VALUE)
        : new ReplicaId(bornMillis << RANDOM_BITS, 0);
  }

  /// Orders by birth.
  @Override
  public int compareTo(InvocationId other) {
    int order = Long.compare(high, other.high);
    return order != 0 ? order : Long.compare(low, other.low);
  }

  @Override
  public String toString() {
    return text(high, low);
  }

  private static String text(long high, long low) {
    HexFormat digits = HexFormat.of();
    return digits.toHexDigits(high) + digits.toHexDigits(low);
  }
}
