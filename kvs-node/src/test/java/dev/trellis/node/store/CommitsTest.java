package dev.trellis.node.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.lmdbjava.LmdbException;

class CommitsTest {
  private final List<List<Long>> written = Collections.synchronizedList(new ArrayList<>());

  private static Commits.Batch batch(long number) {
    return new Commits.Batch(number, new TreeMap<>(), Map.of(), new TreeSet<>());
  }

  private void note(Iterable<Commits.Batch> batches) {
    List<Long> numbers = new ArrayList<>();
    batches.forEach(batch -> numbers.add(batch.number()));
    written.add(numbers);
  }

  @Test
  void whatComesDuringATransactionGoesTogetherIntoTheNext() throws InterruptedException {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    Commits commits =
        new Commits(
            "commits",
            batches -> {
              note(batches);
              begun.countDown();
              await(goOn);
            },
            Duration.ZERO);
    commits.start();
    commits.write(batch(1), false);
    begun.await();
    for (long number = 2; number <= 10; number++) {
      commits.write(batch(number), false);
    }
    assertEquals(0, commits.written());
    goOn.countDown();
    commits.close();
    assertEquals(List.of(List.of(1L), List.of(2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L, 10L)), written);
    assertEquals(10, commits.written());
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void whatFailsIsTriedAgainAndSaidMeanwhile() throws InterruptedException {
    AtomicInteger attempts = new AtomicInteger();
    CountDownLatch told = new CountDownLatch(1);
    Commits commits =
        new Commits(
            "commits",
            batches -> {
              if (attempts.incrementAndGet() < 3) {
                throw new LmdbException("no space");
              }
              note(batches);
            },
            Duration.ZERO);
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
    assertEquals(List.of(List.of(1L)), written);
  }

  @Test
  void closingDoesNotWaitForWhatCannotBeWritten() {
    Commits commits =
        new Commits(
            "commits",
            batches -> {
              throw new LmdbException("no space");
            },
            Duration.ZERO);
    commits.start();
    commits.write(batch(1), false);
    commits.close();
    assertEquals(0, commits.written());
    assertEquals("no space", commits.obstacle().orElseThrow());
  }
}
