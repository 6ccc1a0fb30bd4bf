package dev.trellis.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Payload;
import dev.trellis.testing.Seeds;
import java.io.ByteArrayOutputStream;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Whatever comes, the decoder answers with a legal frame or with a [WireException], soon, and
/// within bounded memory.
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class HostileBytesTest {
  private static final FrameCodec CODEC = new FrameCodec(Limits.DEFAULT);

  @Test
  void framesCutOffAnywhere() {
    Seeds.forAll(
        300,
        random -> {
          byte[] bytes = FrameCodec.encode(new RandomFrames(random).frame());
          for (int length = 0; length < bytes.length; length++) {
            assertHarmless(Arrays.copyOf(bytes, length));
          }
        });
  }

  @Test
  void framesWithFlippedBits() {
    Seeds.forAll(
        3_000,
        random -> {
          byte[] bytes = FrameCodec.encode(new RandomFrames(random).frame());
          for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
            bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
          }
          assertHarmless(bytes);
        });
  }

  @Test
  void framesWithBytesReplacedDroppedAndRepeated() {
    Seeds.forAll(
        3_000,
        random -> {
          byte[] bytes = FrameCodec.encode(new RandomFrames(random).frame());
          int from = random.nextInt(bytes.length);
          int to = from + random.nextInt(bytes.length - from + 1);
          ByteArrayOutputStream changed = new ByteArrayOutputStream();
          changed.write(bytes, 0, from);
          switch (random.nextInt(3)) {
            case 0 -> changed.writeBytes(randomBytes(random, to - from));
            case 1 -> {}
            default -> {
              changed.write(bytes, from, to - from);
              changed.write(bytes, from, to - from);
            }
          }
          changed.write(bytes, to, bytes.length - to);
          assertHarmless(changed.toByteArray());
        });
  }

  @Test
  void randomBytes() {
    Seeds.forAll(
        5_000,
        random -> {
          byte[] bytes = randomBytes(random, random.nextInt(200));
          assertHarmless(bytes);
          for (int field : new int[] {1, 2, 3, 4, 9, 10, 16, 17, 20}) {
            assertHarmless(nested(bytes, field));
          }
          for (int kind = 1; kind <= 15; kind++) {
            assertHarmless(merge(kind, bytes));
          }
        });
  }

  @Test
  void lengthsThatExceedWhatIsThere() {
    for (long length :
        new long[] {1, 127, 1 << 20, Integer.MAX_VALUE, 1L << 31, 1L << 32, Long.MAX_VALUE, -1}) {
      for (int field = 1; field <= 22; field++) {
        WireWriter out = new WireWriter(16);
        out.varint((long) field << 3 | 2);
        out.varint(length);
        assertWithin(1 << 20, () -> assertHarmless(out.toBytes()));
      }
    }
  }

  @Test
  void aHundredThousandLevelsAreRefusedAtTheLimit() {
    int levels = 100_000;
    // An update of a field within an update of a field; a field within the entry of a field; a
    // view of fields within a view of fields.
    assertEquals(
        Optional.of("maps nested deeper than the limit of 16"),
        complaint(nested(tower(levels, 2, 6), 3, 1)));
    assertEquals(
        Optional.of("maps nested deeper than the limit of 16"),
        complaint(nested(tower(levels, 2, 7), 3, 1)));
    assertEquals(
        Optional.of("maps nested deeper than the limit of 16"),
        complaint(nested(tower(levels, 3, 1, 7), 1, 2, 3)));
    assertEquals(
        Optional.of("maps nested deeper than the limit of 16"),
        complaint(nested(mapTower(1_000), 1, 8, 3, 1)));
    assertEquals(
        Optional.of("field 15 has wire type 3, not 0, 1, 2 or 5"),
        complaint(repeated(100_000, new byte[] {15 << 3 | 3})));
  }

  /// A message in a message, and so on: the innermost in the first field, that in the second…
  private static byte[] tower(int levels, int... fields) {
    byte[] bytes = new byte[levels * fields.length * 5];
    int at = bytes.length;
    for (int level = 0; level < levels; level++) {
      for (int field : fields) {
        int length = bytes.length - at;
        WireWriter head = new WireWriter(8);
        head.varint((long) field << 3 | 2);
        head.varint(length);
        byte[] prefix = head.toBytes();
        at -= prefix.length;
        System.arraycopy(prefix, 0, bytes, at, prefix.length);
      }
    }
    return Arrays.copyOfRange(bytes, at, bytes.length);
  }

  /// An entry with a map with a field with an entry with a map, and so on.
  private static byte[] mapTower(int levels) {
    byte[] entry = {};
    for (int level = 0; level < levels; level++) {
      byte[] map = nested(entry, 2, 1);
      entry = nested(value(10, map), 3);
    }
    return entry;
  }

  // ---- Many small parts ----

  /// Frames as long as allowed, of as many and as small parts as possible, of every shape.
  static List<Crowd> crowds() {
    List<Crowd> crowds = new ArrayList<>();
    byte[] empty = {};
    crowds.add(new Crowd("empty requests", part(1, empty), 2));
    crowds.add(new Crowd("empty replies", part(1, empty), 4));
    crowds.add(new Crowd("replies with nothing", part(1, part(2, empty)), 4));
    crowds.add(new Crowd("requests given again", part(1, empty)));
    crowds.add(new Crowd("pings given again", part(21, empty)));
    crowds.add(new Crowd("unknown fields", part(100, empty)));
    crowds.add(new Crowd("empty scanned keys", part(2, empty), 9));
    crowds.add(new Crowd("kinds of a scanned key", new byte[] {2}, 2, 2, 9));
    crowds.add(new Crowd("empty nodes", part(5, empty), 20));
    crowds.add(new Crowd("ports of a node", new byte[] {1}, 4, 5, 20));
    crowds.add(new Crowd("unpacked ports of a node", new byte[] {4 << 3, 1}, 5, 20));
    crowds.add(new Crowd("empty elements to add", part(2, empty), 4, 3, 1));
    crowds.add(new Crowd("empty elements to remove", part(1, empty), 5, 3, 1));
    crowds.add(new Crowd("members without scores", part(1, empty), 1, 19, 3, 1));
    crowds.add(new Crowd("scores without members", new byte[8], 2, 1, 19, 3, 1));
    crowds.add(new Crowd("empty dependencies", part(3, empty), 21, 3, 1));
    crowds.add(new Crowd("empty records to append", part(1, empty), 11, 3, 1));
    crowds.add(new Crowd("empty histories", part(1, empty), 6, 3));
    crowds.add(new Crowd("runs of one dot", new byte[] {1, 0}, 3, 1, 6, 3));
    crowds.add(new Crowd("empty elements of a view", part(1, empty), 5, 1, 2, 3));
    crowds.add(new Crowd("empty fields of a view", part(1, empty), 7, 1, 2, 3));
    crowds.add(new Crowd("kinds of a conflict", new byte[] {1}, 1, 8, 1, 2, 3));
    crowds.add(new Crowd("empty siblings of a view", part(1, empty), 9, 1, 2, 3));
    crowds.add(new Crowd("empty records of a view", part(2, empty), 11, 1, 2, 3));
    crowds.add(new Crowd("empty replicas of a view", part(1, empty), 11, 1, 2, 3));
    byte[] change = part(1, new byte[] {'k'});
    crowds.add(new Crowd("changes of nothing", part(3, change), 1, 10));
    crowds.add(new Crowd("states given again", part(3, change), 4, 10));
    crowds.add(new Crowd("ranges asked for", new byte[] {1}, 3, 5, 10));
    crowds.add(new Crowd("unpacked ranges asked for", new byte[] {3 << 3, 1}, 5, 10));
    crowds.add(new Crowd("empty digests", part(3, empty), 6, 10));
    crowds.add(new Crowd("hashes without digests", new byte[8], 4, 8, 10));
    crowds.add(
        new Crowd("unpacked hashes", new byte[] {4 << 3 | 1, 0, 0, 0, 0, 0, 0, 0, 0}, 8, 10));
    crowds.add(new Crowd("hashes wanted", new byte[8], 3, 9, 10));
    crowds.add(new Crowd("ends of nothing", part(2, change), 11, 10));
    crowds.add(new Crowd("votes", new byte[] {1}, 2, 12, 10));
    crowds.add(new Crowd("keys to collect", part(2, new byte[] {'k'}), 13, 10));
    crowds.add(new Crowd("introductions given again", part(8, empty), 16));
    crowds.add(new Crowd("empty values", part(3, empty), 1, 8, 3, 1));
    crowds.add(new Crowd("values of one unknown kind", part(3, new byte[] {8, 99}), 1, 8, 3, 1));
    crowds.add(Crowd.ofState("empty sums of a counter", part(1, empty), 5));
    crowds.add(Crowd.ofState("takers of a counter", part(2, empty), 5));
    crowds.add(Crowd.ofState("empty additions to a counter", part(8, empty), 5, 2));
    byte[] addition = {1 << 3 | 1, 0, 0, 0, 0, 0, 0, 0, 0, 3 << 3, 1, 4 << 3, 1};
    crowds.add(Crowd.ofState("additions of one tag", part(8, addition), 5, 2));
    crowds.add(Crowd.ofState("empty elements of a gset", part(1, empty), 6));
    crowds.add(Crowd.ofState("empty elements of an oset", part(1, empty), 8));
    crowds.add(Crowd.ofState("empty elements of an orset", part(3, empty), 7));
    crowds.add(Crowd.ofState("dots that stand", part(2, new byte[] {1, 0, 0}), 7));
    crowds.add(Crowd.ofState("empty settings of a sortedset", part(2, empty), 9));
    crowds.add(Crowd.ofState("empty fields of a map", part(1, empty), 10));
    crowds.add(Crowd.ofState("empty siblings", part(3, empty), 11));
    crowds.add(Crowd.ofState("empty records of a log", part(3, empty), 14));
    crowds.add(Crowd.ofState("trimmed dots", part(1, part(1, empty)), 14));
    return crowds;
  }

  /// @param unit is repeated to fill the frame
  /// @param fields that the repeated units are nested in, the innermost first
  /// @param kind of the value that they are in; 0 if they are in none
  record Crowd(String name, Payload unit, List<Integer> fields, int kind) {
    Crowd(String name, byte[] unit, int... fields) {
      this(name, Payload.of(unit), Arrays.stream(fields).boxed().toList(), 0);
    }

    /// @param fields in which the parts are within the state, the innermost first
    static Crowd ofState(String name, byte[] unit, int kind, int... fields) {
      return new Crowd(name, Payload.of(unit), Arrays.stream(fields).boxed().toList(), kind);
    }

    byte[] bytes(int length) {
      byte[] content = repeated((length - 64) / unit.size(), unit.toBytes());
      byte[] whole = nested(content, fields.stream().mapToInt(Integer::intValue).toArray());
      return kind == 0 ? whole : merge(kind, whole);
    }

    @Override
    public String toString() {
      return name;
    }
  }

  @ParameterizedTest
  @MethodSource("crowds")
  void manySmallPartsTakeBoundedMemory(Crowd crowd) {
    Limits limits = new Limits(1_024, 1 << 20, 2 << 20, 10_000);
    byte[] bytes = crowd.bytes(limits.frameBytesMax());
    FrameCodec codec = new FrameCodec(limits);
    assertWithin(24L * limits.frameBytesMax(), () -> complaint(codec, bytes));
    assertHarmless(codec, bytes);
  }

  @Test
  void oneElementUnderManyScatteredDotsIsReadInLinearTime() {
    int dots = 100_000;
    WireWriter set = new WireWriter(8 * dots);
    set.open(1);
    set.open(1);
    set.fixed64(1, 1);
    set.close();
    set.close();
    set.open(2);
    set.varint(dots);
    for (int dot = 0; dot < dots; dot++) {
      set.varint(1); // each leaves one out, so that no two make a run
      set.varint(0);
    }
    set.close();
    for (int dot = 0; dot < dots; dot++) {
      set.alwaysBytes(3, Payload.ofText("x"));
    }
    byte[] bytes = merge(7, set.toBytes());
    assertWithin(1_500L * dots, () -> assertEquals(Optional.empty(), complaint(bytes)));
  }

  @Test
  void theLongestFrameOfNothingButEmptyMessagesTakesBoundedMemory() {
    byte[] unit = part(1, new byte[0]);
    for (int field : new int[] {2, 4, 7, 20}) {
      byte[] bytes = nested(repeated((Limits.FRAME_BYTES_MAX - 16) / unit.length, unit), field);
      assertWithin(24L * Limits.FRAME_BYTES_MAX, () -> complaint(bytes));
    }
    byte[] set = merge(6, repeated((Limits.FRAME_BYTES_MAX - 64) / unit.length, unit));
    assertEquals(
        Optional.of(
            "a frame with so many small parts that it would take more than 536870912 bytes of"
                + " memory; send fewer at once"),
        complaint(set));
  }

  // ---- Help ----

  static void assertHarmless(byte[] bytes) {
    assertHarmless(CODEC, bytes);
  }

  /// Decodes to a legal frame, which then has a canonical form, or is refused.
  private static void assertHarmless(FrameCodec codec, byte[] bytes) {
    Frame frame;
    try {
      frame = codec.decode(ByteBuffer.wrap(bytes));
    } catch (WireException e) {
      assertTrue(e.getMessage().length() < 1_000, e::getMessage);
      return;
    }
    byte[] canonical = FrameCodec.encode(frame);
    try {
      Frame again = codec.decode(ByteBuffer.wrap(canonical));
      assertEquals(frame, again);
    } catch (WireException e) {
      throw new AssertionError("a legal frame is refused in its canonical form", e);
    }
  }

  private static Optional<String> complaint(byte[] bytes) {
    return complaint(CODEC, bytes);
  }

  private static Optional<String> complaint(FrameCodec codec, byte[] bytes) {
    try {
      codec.decode(ByteBuffer.wrap(bytes));
      return Optional.empty();
    } catch (WireException e) {
      return Optional.of(e.getMessage());
    }
  }

  /// Runs the action, which may allocate so many bytes on this thread, garbage included.
  private static void assertWithin(long bytesMax, Runnable action) {
    var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();
    action.run();
    long allocated = threads.getCurrentThreadAllocatedBytes() - before;
    assertTrue(allocated < bytesMax, () -> allocated + " bytes allocated, not " + bytesMax);
  }

  private static byte[] randomBytes(RandomGenerator random, int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }

  private static byte[] part(int field, byte[] content) {
    WireWriter out = new WireWriter(content.length + 8);
    out.alwaysBytes(field, Payload.of(content));
    return out.toBytes();
  }

  /// The content in a field of a message in a field of a message…, the innermost field first.
  private static byte[] nested(byte[] content, int... fields) {
    byte[] bytes = content;
    for (int field : fields) {
      bytes = part(field, bytes);
    }
    return bytes;
  }

  private static byte[] repeated(int times, byte[] unit) {
    byte[] bytes = new byte[times * unit.length];
    for (int at = 0; at < bytes.length; at++) {
      bytes[at] = unit[at % unit.length];
    }
    return bytes;
  }

  private static byte[] value(int kind, byte[] state) {
    byte[] tail = part(2, state);
    byte[] bytes = new byte[2 + tail.length];
    bytes[0] = 1 << 3;
    bytes[1] = (byte) kind;
    System.arraycopy(tail, 0, bytes, 2, tail.length);
    return bytes;
  }

  /// A request to merge an entry with a value.
  private static byte[] merge(int kind, byte[] state) {
    byte[] key = part(2, new byte[] {'k'});
    byte[] operation = nested(value(kind, state), 3, 1, 8, 3);
    byte[] request = Arrays.copyOf(key, key.length + operation.length);
    System.arraycopy(operation, 0, request, key.length, operation.length);
    return part(1, request);
  }
}
