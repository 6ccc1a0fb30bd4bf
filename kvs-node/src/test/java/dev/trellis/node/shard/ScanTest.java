package dev.trellis.node.shard;

import static dev.trellis.node.shard.TestShard.bytes;
import static dev.trellis.node.shard.TestShard.listOf;
import static dev.trellis.node.shard.TestShard.value;
import static dev.trellis.node.shard.TestShard.whole;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.access.Caller;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Flag;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class ScanTest {
  private final TestShard shard = new TestShard();

  private void put(String... keys) {
    for (String key : keys) {
      shard.mutate(key, new Mutation.Put(bytes(key)));
    }
  }

  private static List<String> keys(Frame.Scanned page) {
    return page.keys().stream().map(key -> key.key().text()).toList();
  }

  /// Entries that are not plain are decoded for their kinds, and a thousand may be under one limit.
  @Test
  void aPageOfKeysAloneIsFullWhenMuchWasLookedAt() {
    for (int key = 0; key < 200; key++) {
      for (int element = 0; element < 4; element++) {
        shard.mutate("k%03d".formatted(key), new Mutation.Add(Kind.GSET, elements(element)));
      }
    }
    int first = scan("", null, 1_000).keys().size();
    assertTrue(first >= 64 && first < 100, first + " keys");
    assertEquals(200, scanAll("", 1_000).size());
  }

  private static List<Payload> elements(int number) {
    byte[] element = new byte[16 << 10];
    element[0] = (byte) number;
    return List.of(Payload.of(element));
  }

  private Frame.Scanned scan(String prefix, String after, int limit) {
    return shard.scan(prefix, Optional.ofNullable(after).map(TestShard::bytes), limit, false);
  }

  private List<String> scanAll(String prefix, int limit) {
    List<String> all = new ArrayList<>();
    Optional<Payload> after = Optional.empty();
    while (true) {
      Frame.Scanned page = shard.scan(prefix, after, limit, false);
      all.addAll(keys(page));
      assertTrue(page.keys().size() <= limit);
      if (!page.more()) {
        return all;
      }
      after = Optional.of(page.keys().get(page.keys().size() - 1).key());
    }
  }

  @Test
  void keysComeInByteOrderFromThePrefixOn() {
    put("b", "a", "ab", "abc", "é", "ac", "Z");
    assertEquals(List.of("Z", "a", "ab", "abc", "ac", "b", "é"), keys(scan("", null, 100)));
    assertEquals(List.of("a", "ab", "abc", "ac"), keys(scan("a", null, 100)));
    assertEquals(List.of("abc"), keys(scan("abc", null, 100)));
    assertEquals(List.of(), keys(scan("abcd", null, 100)));
    assertEquals(List.of("abc", "ac"), keys(scan("a", "ab", 100)));
    assertEquals(List.of("a", "ab", "abc", "ac"), keys(scan("a", "Z", 100)));
    assertEquals(List.of(), keys(scan("a", "b", 100)));
  }

  @Test
  void aPageTellsWhetherMoreFollow() {
    put("a", "b", "c");
    Frame.Scanned page = scan("", null, 2);
    assertEquals(List.of("a", "b"), keys(page));
    assertTrue(page.more());
    assertFalse(scan("", null, 3).more());
    assertFalse(scan("", "a", 2).more());
    assertFalse(scan("", "c", 2).more());
    assertEquals(List.of("a", "b", "c"), scanAll("", 1));
  }

  @Test
  void theDeadAreNotSeenAndDoNotMakeAPageGoOn() {
    put("a", "b", "c", "d");
    shard.mutate("b", new Mutation.Delete());
    shard.mutate("e", new Mutation.Increment(1));
    shard.mutate("e", new Mutation.Delete());
    shard.mutateFor("f", new Mutation.Put(bytes("v")), Duration.ofMillis(5));
    assertEquals(List.of("a", "c", "d", "f"), scanAll("", 2));
    shard.passUnnoticed(Duration.ofMillis(5));
    assertEquals(List.of("a", "c", "d"), scanAll("", 2));
    Frame.Scanned page = scan("", null, 3);
    assertFalse(page.more(), "only dead keys follow");
  }

  @Test
  void aCursorSurvivesTheDeletionOfItsKey() {
    put("a", "b", "c", "d");
    assertEquals(List.of("a", "b"), keys(scan("", null, 2)));
    shard.mutate("b", new Mutation.Delete());
    shard.mutate("a", new Mutation.Delete());
    shard.passAndSweep(Duration.ofHours(1));
    assertEquals(2, shard.store().size());
    put("bb");
    assertEquals(List.of("bb", "c"), keys(scan("", "b", 2)));
  }

  @Test
  void valuesAreShownWhenAskedForAndUnambiguous() {
    put("a");
    shard.mutate("n", new Mutation.Increment(5));
    shard.mutate("two", new Mutation.Increment(5));
    shard.merge("two", Entry.of(HybridTimestamp.ZERO, new Flag(true)));
    List<Frame.ScannedKey> found = shard.scan("", Optional.empty(), 9, true).keys();
    assertEquals(new Frame.ScannedKey(bytes("a"), List.of(Kind.LWW), value("a")), found.get(0));
    assertEquals(new Frame.ScannedKey(bytes("n"), List.of(Kind.COUNTER), whole(5)), found.get(1));
    assertEquals(
        new Frame.ScannedKey(bytes("two"), List.of(Kind.FLAG, Kind.COUNTER), new View.Nothing()),
        found.get(2));
    for (Frame.ScannedKey key : shard.scan("", Optional.empty(), 9, false).keys()) {
      assertEquals(new View.Nothing(), key.view());
    }
  }

  @Test
  void aPageOfLargeValuesIsShort() {
    Payload large = Payload.of(new byte[400_000]);
    for (int i = 0; i < 10; i++) {
      shard.mutate("k" + i, new Mutation.Put(large));
    }
    Frame.Scanned page = shard.scan("", Optional.empty(), 100, true);
    assertTrue(page.more());
    assertEquals(List.of("k0", "k1", "k2"), keys(page));
    assertEquals(10, shard.scan("", Optional.empty(), 100, false).keys().size());
  }

  @Test
  void aLimitOutsideItsRangeIsRefused() {
    for (int limit : new int[] {0, -1, Limits.SCAN_KEYS_MAX + 1, Integer.MIN_VALUE}) {
      Frame.Scanned page = scan("", null, limit);
      assertEquals(ErrorCode.BAD_REQUEST, page.failure().orElseThrow().code());
      assertEquals(List.of(), page.keys());
    }
    assertTrue(scan("", null, Limits.SCAN_KEYS_MAX).failure().isEmpty());
  }

  /// A scan page by page while keys come, go and change: what was there all the time appears
  /// exactly once, what never was does not appear, and nothing comes twice or out of order.
  @Test
  void whatIsThereAllTheTimeAppearsExactlyOnceWhateverElseHappens() {
    Seeds.forAll(60, ScanTest::scanAmongWrites);
  }

  private static void scanAmongWrites(RandomGenerator random) {
    TestShard shard = new TestShard();
    Map<String, Boolean> always = new HashMap<>(); // whether the key was there from the start on
    TreeSet<String> ever = new TreeSet<>();
    for (int i = 0; i < 60; i++) {
      String key = "k" + random.nextInt(300);
      shard.mutate(key, new Mutation.Put(bytes("v")));
      always.put(key, true);
      ever.add(key);
    }
    List<String> found = new ArrayList<>();
    Optional<Payload> after = Optional.empty();
    boolean more = true;
    while (more) {
      Frame.Scanned page = shard.scan("k", after, 1 + random.nextInt(8), random.nextBoolean());
      found.addAll(keys(page));
      more = page.more();
      if (!page.keys().isEmpty()) {
        after = Optional.of(page.keys().get(page.keys().size() - 1).key());
      }
      for (int write = random.nextInt(6); write > 0; write--) {
        String key = "k" + random.nextInt(300);
        switch (random.nextInt(4)) {
          case 0 -> {
            shard.mutate(key, new Mutation.Delete());
            always.put(key, false);
          }
          case 1 ->
              shard.mutateFor(
                  key, new Mutation.Put(bytes("w")), Duration.ofMillis(ttl(always, key)));
          case 2 -> shard.passAndSweep(Duration.ofMinutes(2));
          default -> shard.mutate(key, new Mutation.Put(bytes("w")));
        }
        ever.add(key);
      }
    }
    assertEquals(new ArrayList<>(new TreeSet<>(found)), found, "in order, each once");
    assertTrue(ever.containsAll(found));
    always.forEach(
        (key, throughout) -> assertTrue(!throughout || found.contains(key), () -> key + " missed"));
  }

  private static long ttl(Map<String, Boolean> always, String key) {
    always.put(key, false);
    return 1;
  }

  /// All of them were passed by in one turn, while everybody else waited.
  @Test
  void howeverManyDeadKeysThereAreATurnPassesFew() {
    TreeSet<Payload> all = new TreeSet<>();
    int dead = 5_000;
    for (int number = 0; number < dead; number++) {
      String key = "k%05d".formatted(number);
      put(key);
      shard.mutate(key, new Mutation.Delete());
      all.add(bytes(key));
    }
    List<String> live = List.of("k", "k02500", "l", "m");
    for (String key : live) {
      put(key);
      all.add(bytes(key));
    }
    List<String> found = new ArrayList<>();
    Optional<Payload> after = Optional.empty();
    for (boolean more = true; more; ) {
      Payload from = after.orElse(Payload.EMPTY);
      switch (shard
          .core()
          .scan(
              Caller.ANONYMOUS,
              new Frame.Scan(7, Payload.EMPTY, after, 100, false),
              shard.nowMillis())) {
        case ScanTurn.Unfinished(Frame.Scan rest) -> after = rest.after();
        case ScanTurn.Done(Frame.Scanned page) -> {
          found.addAll(keys(page));
          more = page.more();
          after = Optional.of(more ? page.keys().getLast().key() : all.getLast());
        }
      }
      int passed = all.subSet(from, false, after.orElseThrow(), true).size();
      assertTrue(passed > 0 && passed < dead / 4, passed + " keys in one turn");
    }
    assertEquals(live, found);
  }

  @Test
  void keysOfAnyBytesAreFound() {
    Payload high = Payload.of(new byte[] {(byte) 0xff, (byte) 0xff});
    Payload higher = Payload.of(new byte[] {(byte) 0xff, (byte) 0xff, 0});
    for (Payload key : List.of(high, higher)) {
      shard.send(TestShard.CLIENT, key, new Mutation.Add(Kind.GSET, listOf("a")), shard.next());
    }
    Frame.Scan scan = new Frame.Scan(1, high, Optional.of(high), 10, false);
    List<Frame.ScannedKey> found = shard.scan(scan).keys();
    assertEquals(List.of(higher), found.stream().map(Frame.ScannedKey::key).toList());
  }
}
