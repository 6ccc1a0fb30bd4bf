package dev.trellis.functions.mailbox;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.client.Calls;
import dev.trellis.wire.Reply;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class OutletTest {
  private static final Duration TIMEOUT = Duration.ofMinutes(5);

  /// Before, it failed with the first that it travelled with, at once if that had waited so long.
  @Test
  void whatJoinedLateIsTriedForAllOfItsOwnTime() {
    List<CompletableFuture<Reply>> calls = new ArrayList<>();
    List<Long> deadlines = new ArrayList<>();
    Calls silent =
        (key, operation, options) -> {
          deadlines.add(System.currentTimeMillis() + options.timeout().orElseThrow().toMillis());
          CompletableFuture<Reply> reply = new CompletableFuture<>();
          calls.add(reply);
          return reply;
        };
    try (Shared shared = new Shared(silent, () -> 0, () -> true)) {
      Outlet outlet = new Outlet(shared, "m", SenderOptions.DEFAULT.withTimeout(TIMEOUT));
      CompletableFuture<Void> first = outlet.send(Message.ofText("under way"));
      CompletableFuture<Void> early = outlet.send(Message.ofText("early"));
      long lateMillis = System.currentTimeMillis() + 100;
      while (System.currentTimeMillis() < lateMillis) {
        Thread.onSpinWait();
      }
      CompletableFuture<Void> late = outlet.send(Message.ofText("late"));
      calls.getFirst().completeExceptionally(new IllegalStateException("broken"));
      assertTrue(first.isCompletedExceptionally());
      assertEquals(2, calls.size());
      long due = lateMillis + TIMEOUT.toMillis();
      assertTrue(deadlines.getLast() >= due, deadlines.getLast() + " is before " + due);
      assertTrue(!early.isDone() && !late.isDone());
    }
  }
}
