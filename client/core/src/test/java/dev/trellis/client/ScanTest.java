package dev.trellis.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.View;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/// Scans: one order over all shards.
class ScanTest {
  private static final long SEED = Long.getLong("seed", System.nanoTime());

  private static Frame.ScannedKey key(String text) {
    return new Frame.ScannedKey(Payload.ofText(text), List.of(Kind.LWW), new View.Nothing());
  }

  /// What a shard that has these keys answers.
  private static Frame.Scanned answer(
      SortedSet<String> keys, Optional<Payload> after, int limit, int mostPerPage) {
    List<Frame.ScannedKey> page = new ArrayList<>();
    boolean more = false;
    for (String each : keys) {
      if (after.isPresent() && Payload.ofText(each).compareTo(after.get()) <= 0) {
        continue;
      }
      if (page.size() == Math.min(limit, mostPerPage)) {
        more = true;
        break;
      }
      page.add(key(each));
    }
    return new Frame.Scanned(1, page, more, Optional.empty());
  }

  @Test
  void pagesOfManyShardsMergeIntoOneOrderWithEveryKeyOnce() {
    Random random = new Random(SEED);
    for (int round = 0; round < 300; round++) {
      List<TreeSet<String>> shards = new ArrayList<>();
      TreeSet<String> all = new TreeSet<>();
      int shardCount = 1 + random.nextInt(5);
      for (int i = 0; i < shardCount; i++) {
        shards.add(new TreeSet<>());
      }
      int keyCount = random.nextInt(40);
      for (int i = 0; i < keyCount; i++) {
        String name = "k" + random.nextInt(1_000);
        shards.get(Math.floorMod(name.hashCode(), shardCount)).add(name);
        all.add(name);
      }
      int limit = 1 + random.nextInt(12);
      List<String> found = new ArrayList<>();
      Optional<Payload> after = Optional.empty();
      do {
        List<Frame.Scanned> pages = new ArrayList<>();
        for (TreeSet<String> shard : shards) {
          pages.add(answer(shard, after, limit, 1 + random.nextInt(12)));
        }
        ScanPage page = Scans.merge(pages, limit);
        page.keys().forEach(each -> found.add(each.key().text()));
        after = page.next();
      } while (after.isPresent());
      assertEquals(new ArrayList<>(all), found, "-Dseed=" + SEED);
    }
  }

  @Test
  void aScanAsksEveryShardAndAStreamReadsAllPages() throws Exception {
    TreeSet<String> evens = new TreeSet<>();
    TreeSet<String> odds = new TreeSet<>();
    for (int i = 0; i < 3_000; i++) {
      (i % 2 == 0 ? evens : odds).add("key-" + (10_000 + i));
    }
    try (FakeNode router = new FakeNode("router");
        ScanningNode first = new ScanningNode("node-1", evens);
        ScanningNode second = new ScanningNode("node-2", odds)) {
      router.routeTo(first.node.descriptor(), second.node.descriptor());
      try (Trellis trellis = Trellis.connect(FakeNode.config(router.address()))) {
        ScanPage page =
            trellis
                .scan(Payload.ofText("key-"), Optional.empty(), 5, false)
                .get(FakeNode.WAIT_SECONDS, TimeUnit.SECONDS);
        assertEquals(
            List.of("key-10000", "key-10001", "key-10002", "key-10003", "key-10004"),
            page.keys().stream().map(each -> each.key().text()).toList());
        assertEquals(Optional.of(Payload.ofText("key-10004")), page.next());
        List<String> all = trellis.keys("key-").map(each -> each.key().text()).toList();
        assertEquals(3_000, all.size());
        assertEquals(all.stream().sorted().toList(), all);
      }
    }
  }

  /// A node whose frames are answered by a thread of the test.
  private static final class ScanningNode implements AutoCloseable {
    final FakeNode node;
    private final Thread answering;

    ScanningNode(String id, SortedSet<String> keys) throws Exception {
      node = new FakeNode(id);
      answering =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      while (true) {
                        Frame frame = node.frames.take();
                        if (frame instanceof Frame.Scan scan) {
                          Frame.Scanned page = answer(keys, scan.after(), scan.limit(), 700);
                          node.asker.send(
                              new Frame.Scanned(
                                  scan.id(), page.keys(), page.more(), Optional.empty()));
                        }
                      }
                    } catch (InterruptedException e) {
                      Thread.currentThread().interrupt();
                    } catch (IOException e) {
                      node.unexpected = e;
                    }
                  });
    }

    @Override
    public void close() throws IOException {
      answering.interrupt();
      node.close();
    }
  }

  @Test
  void aScanThatAShardRefusesFails() throws Exception {
    try (FakeNode node = new FakeNode("node-1");
        Trellis trellis = Trellis.connect(FakeNode.config(node.address()))) {
      CompletableFuture<ScanPage> scan = trellis.scan(Payload.EMPTY, Optional.empty(), 10, false);
      Frame.Scan asked = node.nextFrame(Frame.Scan.class);
      node.asker.send(
          new Frame.Scanned(
              asked.id(),
              List.of(),
              false,
              Optional.of(new Outcome.Failed(ErrorCode.OVERLOADED, "busy"))));
      ExecutionException failed =
          assertThrows(
              ExecutionException.class, () -> scan.get(FakeNode.WAIT_SECONDS, TimeUnit.SECONDS));
      assertInstanceOf(DefiniteException.Overloaded.class, failed.getCause());
    }
  }

  @Test
  void aScanOutlivesALostConnection() throws Exception {
    try (FakeNode node = new FakeNode("node-1");
        Trellis trellis = Trellis.connect(FakeNode.config(node.address()))) {
      CompletableFuture<ScanPage> scan = trellis.scan(Payload.EMPTY, Optional.empty(), 10, false);
      node.nextFrame(Frame.Scan.class);
      node.dropConnections();
      Frame.Scan again = node.nextFrame(Frame.Scan.class);
      node.asker.send(new Frame.Scanned(again.id(), List.of(key("a")), false, Optional.empty()));
      ScanPage page = scan.get(FakeNode.WAIT_SECONDS, TimeUnit.SECONDS);
      assertEquals(List.of(key("a")), page.keys());
      assertEquals(Optional.empty(), page.next());
    }
  }

  @Test
  void aLimitOutsideTheRangeIsRefused() throws Exception {
    try (FakeNode node = new FakeNode("node-1");
        Trellis trellis = Trellis.connect(FakeNode.config(node.address()))) {
      for (int limit : new int[] {0, -1, 10_001}) {
        ExecutionException failed =
            assertThrows(
                ExecutionException.class,
                () -> trellis.scan(Payload.EMPTY, Optional.empty(), limit, false).get());
        assertInstanceOf(DefiniteException.BadRequest.class, failed.getCause());
      }
    }
  }
}
