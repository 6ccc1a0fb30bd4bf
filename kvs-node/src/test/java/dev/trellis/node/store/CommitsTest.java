package dev.trellis.node.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Payload;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.lmdbjava.LmdbException;

class CommitsTest {
  private static final Commits.Target NOWHERE = batch -> {};

  private static Commits.Batch batch(long number) {
    return new Commits.Batch(number, List.of(), Map.of(), new TreeSet<>());
  }

  private static Commits.Batch noting(long number, String word, String text) {
    return new Commits.Batch(
        number, List.of(), Map.of(word, Payload.ofText(text)), new TreeSet<>());
  }

  /// Takes note of what is appended.
  private static class TestLog implements Commits.Log {
    final List<List<Long>> written = Collections.synchronizedList(new ArrayList<>());
    private final AtomicLong bytes = new AtomicLong();

    @Override
    public void append(Collection<Commits.Batch> batches) throws IOException {
      written.add(batches.stream().map(Commits.Batch::number).toList());
      var _ = bytes.addAndGet(batches.size());
    }

    @Override
    public long bytes() {
      return bytes.get();
    }

    @Override
    public UnaryOperator<Commits.Batch> beginNext() {
      bytes.set(0);
      return UnaryOperator.identity();
    }
  }

  @Test
  void whatComesDuringASyncGoesTogetherIntoTheNext() throws InterruptedException {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    TestLog log =
        new TestLog() {
          @Override
          public void append(Collection<Commits.Batch> batches) throws IOException {
            super.append(batches);
            begun.countDown();
            await(goOn);
          }
        };
    Commits commits = new Commits("commits", log, NOWHERE, Duration.ZERO);
    commits.start();
    commits.write(batch(1), false);
    begun.await();
    for (long number = 2; number <= 10; number++) {
      commits.write(batch(number), false);
    }
    assertEquals(0, commits.written());
    goOn.countDown();
    commits.close();
    assertEquals(List.of(List.of(1L), List.of(2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L, 10L)), log.written);
    assertEquals(10, commits.written());
    assertEquals(10, commits.placed());
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void whatIsInTheLogGetsToItsPlaceAndTheLastOfAKeyCounts() throws InterruptedException {
    List<Commits.Batch> placed = Collections.synchronizedList(new ArrayList<>());
    Commits commits = new Commits("commits", new TestLog(), placed::add, Duration.ZERO);
    commits.start();
    commits.write(noting(1, "a", "first"), false);
    commits.write(noting(2, "a", "second"), false);
    assertTrue(commits.awaitPlaced(Duration.ofMinutes(1)));
    assertTrue(commits.placed() >= 2);
    assertEquals(Payload.ofText("second"), placed.getLast().notes().get("a"));
    commits.close();
  }

  @Test
  void theLogGoesOnWhileWhatIsInItIsBroughtToItsPlace() throws InterruptedException {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    Commits.Target slow =
        batch -> {
          begun.countDown();
          await(goOn);
        };
    Commits commits = new Commits("commits", new TestLog(), slow, Duration.ZERO);
    commits.start();
    commits.write(batch(1), true);
    begun.await();
    commits.write(batch(2), false);
    while (commits.written() < 2) {
      Thread.onSpinWait();
    }
    assertEquals(0, commits.placed());
    goOn.countDown();
    commits.close();
    assertEquals(2, commits.placed());
  }

  /// Else it would stand still once it is full, for as long as all that is under way takes.
  @Test
  void aLongLogGrowsAsFastAsWhatIsInItGetsToItsPlace() throws InterruptedException {
    long bytes = 39L << 20;
    TestLog log =
        new TestLog() {
          @Override
          public long bytes() {
            return bytes;
          }
        };
    List<DiskChange> changes = new ArrayList<>();
    for (int at = 0; at < 10_000; at++) {
      DiskChange.Key key = DiskChange.Key.of(Payload.ofText("k" + at));
      changes.add(new DiskChange(key, null, null, 1));
    }
    List<Integer> sizes = Collections.synchronizedList(new ArrayList<>());
    CountDownLatch handedOver = new CountDownLatch(1);
    CountDownLatch appended = new CountDownLatch(1);
    Commits[] commits = new Commits[1];
    Commits.Target target =
        batch -> {
          sizes.add(batch.changes().size());
          if (sizes.size() == 1) {
            await(handedOver);
            assertEquals(1, commits[0].written(), "nothing of it is in its place yet");
            assertEquals(Map.of(), batch.notes(), "these come last");
          } else if (sizes.size() == 2) {
            await(appended);
            assertEquals(Map.of("word", Payload.ofText("text")), batch.notes());
          }
        };
    commits[0] = new Commits("commits", log, target, Duration.ZERO);
    commits[0].onProgress(
        () -> {
          if (commits[0].written() == 2) {
            appended.countDown();
          }
        });
    commits[0].start();
    Map<String, Payload> notes = Map.of("word", Payload.ofText("text"));
    commits[0].write(new Commits.Batch(1, changes, notes, new TreeSet<>()), true);
    while (sizes.isEmpty()) {
      Thread.onSpinWait();
    }
    commits[0].write(batch(2), false);
    handedOver.countDown();
    appended.await();
    commits[0].close();
    assertEquals(List.of(8_192, 1_808), sizes.subList(0, 2));
    assertEquals(2, commits[0].placed());
  }

  @Test
  void whatFailsIsTriedAgainAndSaidMeanwhile() throws InterruptedException {
    AtomicInteger attempts = new AtomicInteger();
    CountDownLatch told = new CountDownLatch(1);
    TestLog log =
        new TestLog() {
          @Override
          public void append(Collection<Commits.Batch> batches) throws IOException {
            if (attempts.incrementAndGet() < 3) {
              throw new IOException("no space");
            }
            super.append(batches);
          }
        };
    Commits commits = new Commits("commits", log, NOWHERE, Duration.ZERO);
    commits.onProgress(told::countDown);
    commits.start();
    commits.write(batch(1), false);
    told.await();
    while (commits.written() < 1) {
      Thread.onSpinWait();
    }
    assertTrue(commits.obstacle().isEmpty());
    assertEquals(3, attempts.get());
    commits.close();
    assertEquals(List.of(List.of(1L)), log.written);
  }

  @Test
  void closingDoesNotWaitForWhatCannotBeWritten() {
    TestLog log =
        new TestLog() {
          @Override
          public void append(Collection<Commits.Batch> batches) throws IOException {
            throw new IOException("no space");
          }
        };
    Commits commits = new Commits("commits", log, NOWHERE, Duration.ZERO);
    commits.start();
    commits.write(batch(1), false);
    commits.close();
    assertEquals(0, commits.written());
    assertEquals("no space", commits.obstacle().orElseThrow());
  }

  @Test
  void closingDoesNotWaitForWhatCannotGetToItsPlaceNorDoesWhoAsks() throws InterruptedException {
    Commits.Target full =
        batch -> {
          throw new LmdbException("the map is full");
        };
    Commits commits = new Commits("commits", new TestLog(), full, Duration.ZERO);
    commits.start();
    commits.write(batch(1), false);
    assertFalse(commits.awaitPlaced(Duration.ofMinutes(1)));
    commits.close();
    assertEquals(1, commits.written());
    assertEquals(0, commits.placed());
  }

  @Test
  void anErrorIsAnObstacleLikeOthers() throws InterruptedException {
    AtomicInteger attempts = new AtomicInteger();
    Commits.Target once =
        batch -> {
          if (attempts.incrementAndGet() == 1) {
            throw new OutOfMemoryError("Cannot reserve 8 bytes of direct buffer memory");
          }
        };
    CountDownLatch told = new CountDownLatch(1);
    Commits commits = new Commits("commits", new TestLog(), once, Duration.ZERO);
    commits.onProgress(
        () -> {
          if (commits.obstacle().isPresent()) {
            told.countDown();
          }
        });
    commits.start();
    commits.write(batch(1), true);
    told.await();
    while (commits.placed() < 1) {
      Thread.onSpinWait();
    }
    commits.close();
  }
}
