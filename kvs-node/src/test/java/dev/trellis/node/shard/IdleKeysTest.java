package dev.trellis.node.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Expiry;
import dev.trellis.lattice.GrowSet;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.node.store.MemoryStore;
import dev.trellis.node.store.PlainSlot;
import dev.trellis.node.store.Slot;
import dev.trellis.wire.Placement;
import dev.trellis.wire.PlacementSetting;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class IdleKeysTest {
  private final MemoryStore store = new MemoryStore();
  private final PlainSlot found = new PlainSlot();
  private long nowMillis = 1_700_000_000_000L;

  private static Entry lww(int bytes) {
    return Entry.of(
        HybridTimestamp.ZERO,
        LwwRegister.of(HybridTimestamp.ofMillis(1), 1, Expiry.NEVER, Payload.of(new byte[bytes])));
  }

  private void put(String key, int bytes) {
    store.put(new Slot(Payload.ofText(key), lww(bytes), 0));
  }

  /// As a plain request does.
  private void get(String key) {
    byte[] bytes = key.getBytes(StandardCharsets.UTF_8);
    store.find(bytes, 0, bytes.length, found);
  }

  /// As time passes for a shard.
  private void pass(IdleKeys idle, long millis) {
    for (long end = nowMillis + millis; nowMillis < end; nowMillis += 10) {
      idle.tick(nowMillis);
    }
  }

  private static List<Payload> keys(IdleKeys idle) {
    return idle.idle().stream().map(IdleKeys.Idle::key).toList();
  }

  @Test
  void whatWasPlacedElsewhereIsToldNoMore() {
    put("goes", 100);
    put("stays", 50);
    IdleKeys idle = new IdleKeys(store, 0, 10);
    pass(idle, 60_000);
    assertEquals(List.of(Payload.ofText("goes"), Payload.ofText("stays")), keys(idle));
    PlacementSetting setting =
        new PlacementSetting(
            HybridTimestamp.ofMillis(1),
            1,
            HybridTimestamp.ZERO,
            Optional.of(new Placement(0, 2, 1)));
    store.put(new Slot(Payload.ofText("goes"), Entry.BOTTOM, 0, Optional.of(setting)));
    assertEquals(List.of(Payload.ofText("stays")), keys(idle));
  }

  @Test
  void whatNobodyAskedForSinceTheRoundBeforeIsIdle() {
    put("asked-for", 100);
    put("small", 10);
    put("large", 1_000);
    IdleKeys idle = new IdleKeys(store, 0, 10);
    pass(idle, 5_000);
    assertEquals(List.of(), keys(idle), "the first round only takes marks off");
    get("asked-for");
    pass(idle, 10_000);
    assertEquals(List.of(Payload.ofText("large"), Payload.ofText("small")), keys(idle));
    for (IdleKeys.Idle one : idle.idle()) {
      assertTrue(nowMillis - one.sinceMillis() >= 10_000);
      assertEquals(store.outline(one.key()).orElseThrow().bytes(), one.bytes());
    }
    get("large");
    store.accessed(Payload.ofText("small"));
    assertEquals(List.of(), keys(idle), "as soon as somebody asks it is not idle");
    pass(idle, 30_000);
    assertEquals(
        Set.of("asked-for", "large", "small"),
        new HashSet<>(keys(idle).stream().map(IdleKeysTest::text).toList()));
  }

  private static String text(Payload key) {
    return new String(key.toBytes(), StandardCharsets.UTF_8);
  }

  @Test
  void howLongAKeyIsIdleGrowsFromRoundToRound() {
    put("key", 100);
    IdleKeys idle = new IdleKeys(store, 0, 10);
    pass(idle, 100_000);
    IdleKeys.Idle only = idle.idle().getFirst();
    assertTrue(nowMillis - only.sinceMillis() >= 80_000, only::toString);
  }

  @Test
  void thoseThatFreeMostAreRememberedHoweverManyThereAre() {
    for (int number = 0; number < 50_000; number++) {
      put("k" + number, number % 500);
    }
    IdleKeys idle = new IdleKeys(store, 0, 64);
    pass(idle, 40_000);
    List<IdleKeys.Idle> all = idle.idle();
    assertEquals(64, all.size());
    for (IdleKeys.Idle one : all) {
      int bytes = Integer.parseInt(text(one.key()).substring(1)) % 500;
      assertTrue(bytes == 499, one::toString);
    }
  }

  @Test
  void aStoreThatIsNotFullIsLeftAlone() {
    put("key", 1_000);
    IdleKeys idle = new IdleKeys(store, store.weight() + 1.0, 10);
    pass(idle, 30_000);
    assertEquals(List.of(), keys(idle));
    assertTrue(!store.isIdle(Payload.ofText("key")), "its mark was taken off");
    put("other", 1_000);
    pass(idle, 30_000);
    assertEquals(2, keys(idle).size());
    store.remove(Payload.ofText("other"));
    pass(idle, 10);
    assertEquals(List.of(), keys(idle), "it is not full any more");
  }

  @Test
  void theDeadAndThosePlacedByDecisionAndThoseThatAreGoneAreNotShown() {
    put("gone", 100);
    put("kept", 100);
    store.put(
        new Slot(
            Payload.ofText("dead"),
            Entry.of(HybridTimestamp.ZERO, LwwRegister.tombstone(HybridTimestamp.ofMillis(1), 1)),
            0));
    store.put(
        new Slot(
            Payload.ofText("placed"),
            lww(100),
            0,
            Optional.of(
                new PlacementSetting(
                    HybridTimestamp.ofMillis(1),
                    1,
                    HybridTimestamp.ZERO,
                    Optional.of(new Placement(2, 1, 1))))));
    List<Payload> elements = new ArrayList<>();
    for (int number = 0; number < 100; number++) {
      elements.add(Payload.ofText("element " + number));
    }
    store.put(
        new Slot(
            Payload.ofText("object"), Entry.of(HybridTimestamp.ZERO, GrowSet.of(elements)), 0));
    IdleKeys idle = new IdleKeys(store, 0, 10);
    pass(idle, 30_000);
    store.remove(Payload.ofText("gone"));
    assertEquals(List.of(Payload.ofText("object"), Payload.ofText("kept")), keys(idle));
  }

  /// While keys come and go, segments are divided and joined under the rounds.
  @Test
  void whatIsAskedForAgainAndAgainIsNeverIdle() {
    Seeds.forAll(
        3,
        random -> {
          int keys = 0;
          IdleKeys idle = new IdleKeys(store, 0, 256);
          for (int second = 0; second < 60; second++) {
            for (int hot = 0; hot < 20; hot++) {
              if (second == 0) {
                put("hot" + hot, 5_000);
              }
              get("hot" + hot);
            }
            int target = random.nextInt(20_000);
            for (; keys < target; keys++) {
              put("k" + keys, 20);
            }
            for (; keys > target; keys--) {
              store.remove(Payload.ofText("k" + (keys - 1)));
            }
            pass(idle, 1_000);
            for (IdleKeys.Idle one : idle.idle()) {
              assertTrue(!text(one.key()).startsWith("hot"), one::toString);
            }
          }
        });
  }
}
