package dev.trellis.client;

import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.trellis.wire.Reply;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;

/// How calls of a test end, waited for with more patience than any call has.
final class Endings {
  private Endings() {}

  static Reply done(CompletableFuture<Reply> future) throws Exception {
    return future.get(FakeNode.WAIT_SECONDS, TimeUnit.SECONDS);
  }

  static <E extends TrellisException> E failure(Class<E> type, CompletableFuture<?> future) {
    ExecutionException failed =
        assertThrows(
            ExecutionException.class,
            () -> future.get(2 * FakeNode.WAIT_SECONDS, TimeUnit.SECONDS));
    return assertInstanceOf(type, failed.getCause());
  }
}
