package dev.trellis.functions.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.client.TrellisException;
import dev.trellis.client.WatchListener;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Reply;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class RewatchingTest {
  /// Watches that the test ends, and a clock that it moves.
  private static final class Source implements Rewatching.Source {
    private final List<WatchListener> watches = new ArrayList<>();
    private final Queue<Runnable> due = new ArrayDeque<>();
    private final List<Duration> pauses = new ArrayList<>();
    private int reads;
    private int closed;

    @Override
    public AutoCloseable watch(WatchListener listener) {
      watches.add(listener);
      return () -> closed++;
    }

    @Override
    public CompletableFuture<Reply> read() {
      reads++;
      return new CompletableFuture<>();
    }

    @Override
    public void later(Duration delay, Runnable run) {
      pauses.add(delay);
      due.add(run);
    }

    void fail(TrellisException failure) {
      watches.getLast().onFailure(failure);
    }

    void goOn() {
      due.remove().run();
    }
  }

  @Test
  void aWatchThatIsRefusedIsBegunAgainEverMoreSeldom() {
    Source source = new Source();
    Rewatching watching = Rewatching.of(source, "key", reply -> {});
    for (int i = 0; i < 10; i++) {
      source.fail(TrellisException.of(ErrorCode.OVERLOADED, "too many watches"));
      source.goOn();
      assertEquals(i + 2, source.watches.size());
    }
    assertEquals(10, source.reads, "what was told meanwhile is read");
    assertEquals(Rewatching.PAUSE_MIN, source.pauses.getFirst());
    assertEquals(Rewatching.PAUSE_MAX, source.pauses.getLast());
    watching.close();
    assertEquals(1, source.closed);
    source.fail(TrellisException.of(ErrorCode.OVERLOADED, "too late"));
    assertTrue(source.due.isEmpty());
  }

  @Test
  void whatIsForbiddenIsNotTriedAgain() {
    Source source = new Source();
    var unused = Rewatching.of(source, "key", reply -> {});
    source.fail(TrellisException.of(ErrorCode.FORBIDDEN, "no"));
    assertTrue(source.due.isEmpty());
  }
}
