package dev.trellis.functions.mailbox;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.client.Calls;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.junit.TrellisExtension;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/// Receivers whose handlers and whose store do not behave, against a real node.
@Timeout(120)
class ReceiverTest {
  @RegisterExtension static final TrellisExtension STORE = TrellisExtension.perMethod();

  private static final ReceiverOptions SOON =
      ReceiverOptions.DEFAULT.withTriesMax(2).withRetryAfter(Duration.ofMillis(1));

  private final BlockingQueue<Delivery> got = new LinkedBlockingQueue<>();

  private Delivery next() throws InterruptedException {
    Delivery next = got.poll(60, TimeUnit.SECONDS);
    assertTrue(next != null, "no message in time");
    return next;
  }

  private static String text(Delivery delivery) {
    return delivery.message().body().text();
  }

  @Test
  void aHandlerThatThrowsAnErrorHoldsUpNobodyElseAndIsTriedAgain(Trellis trellis)
      throws InterruptedException {
    AtomicBoolean fails = new AtomicBoolean(true);
    try (Mailboxes mailboxes = Mailboxes.over(trellis);
        Receiver receiver =
            mailboxes.receive(
                "m",
                delivery -> {
                  if (text(delivery).equals("heavy") && fails.getAndSet(false)) {
                    throw new OutOfMemoryError("of this message");
                  }
                  Thread.currentThread().interrupt();
                  got.add(delivery);
                },
                SOON)) {
      mailboxes.sender().send("m", "heavy").join();
      mailboxes.sender().send("m", "light").join();
      assertEquals("heavy", text(next()));
      assertEquals("light", text(next()));
      assertEquals(1, receiver.failures());
    }
  }

  @Test
  void aHandlerThatDoesNotBlockMayThrowAnErrorTooOrReturnNothing(Trellis trellis)
      throws InterruptedException {
    AtomicInteger calls = new AtomicInteger();
    try (Mailboxes mailboxes = Mailboxes.over(trellis);
        Receiver receiver =
            mailboxes.receiveAsync(
                "m",
                delivery ->
                    switch (calls.getAndIncrement()) {
                      case 0 -> throw new Error("once");
                      case 1 -> null;
                      default -> {
                        got.add(delivery);
                        yield CompletableFuture.completedFuture(null);
                      }
                    },
                SOON.withTriesMax(3))) {
      mailboxes.sender().send("m", "one").join();
      assertEquals("one", text(next()));
      assertEquals(2, receiver.failures());
    }
  }

  @Test
  void aMessageWhoseHeadersLeaveNoRoomForTheReasonIsBuriedWithoutThem(Trellis trellis)
      throws InterruptedException {
    String name = "n".repeat(512); // the longest there is
    try (Mailboxes mailboxes = Mailboxes.over(trellis);
        Receiver receiver =
            mailboxes.receive(
                name,
                delivery -> {
                  throw new IllegalStateException("no appetite");
                },
                SOON);
        Receiver dead = mailboxes.receive(Mailboxes.deadLettersOf(name), got::add)) {
      Message large = Message.ofText("large").withFrom("me");
      mailboxes.sender().send(name, large.withHeaders(Map.of("h", "x".repeat(65_500)))).join();
      mailboxes.sender().send(name, large.withHeaders(Map.of("h", "small"))).join();
      Delivery first = next();
      assertEquals("large", text(first));
      assertEquals("me", first.message().from().orElseThrow());
      assertTrue(first.message().headers().get("error").contains("no appetite"));
      assertEquals(2, first.message().headers().size());
      assertEquals("small", next().message().headers().get("h"));
      assertEquals(4, receiver.failures());
      assertEquals(0, dead.failures());
    }
  }

  @Test
  void aTryThatCanNotBeNotedIsNone(Trellis trellis) throws InterruptedException {
    Payload tries = Names.tries("m");
    AtomicInteger refused = new AtomicInteger();
    AtomicInteger told = new AtomicInteger();
    // Each of the first notes of a message is kept, and whoever asked hears that it is not sure.
    Calls unsure =
        (key, operation, options) ->
            trellis
                .execute(key, operation, options)
                .thenApply(
                    reply -> {
                      if (key.equals(tries)
                          && operation instanceof Mutation.UpdateField update
                          && !update.field().text().equals("open")
                          && update.mutation() instanceof Mutation.Increment
                          && refused.getAndIncrement() < 6) {
                        throw TrellisException.of(ErrorCode.NOT_ENOUGH_REPLICAS, "not sure");
                      }
                      return reply;
                    });
    trellis.map(tries).counter("open").add(1); // a receiver has died
    try (Mailboxes mailboxes = Mailboxes.over(unsure);
        Mailboxes behind = Mailboxes.over(trellis)) {
      behind.sender().send("m", "deadly").join();
      CompletableFuture<Void> never = new CompletableFuture<>();
      Mailboxes dying = Mailboxes.over(unsure);
      Receiver unused =
          dying.receive(
              "m",
              delivery -> {
                told.incrementAndGet();
                got.add(delivery);
                never.join();
              },
              SOON);
      assertEquals(0, next().tries());
      assertEquals(7, refused.get());
      dying.close(); // and not its receiver: it has died
      try (Receiver receiver = mailboxes.receive("m", got::add, SOON)) {
        Delivery again = next();
        assertEquals("deadly", text(again));
        assertEquals(1, again.tries(), "noted seven times, tried once");
        assertEquals(1, told.get());
        assertEquals(0, receiver.dead());
      }
    }
  }

  /// Of one who rests for 30 s, as it has failed often, and one who rests for a moment.
  @Test
  void aMessageThatRestsForLongHoldsUpNobodyWhoRestsForLess(Trellis trellis)
      throws InterruptedException {
    try (Mailboxes mailboxes = Mailboxes.over(trellis);
        Mailboxes others = Mailboxes.over(trellis)) {
      mailboxes.sender().send("m", "often").join();
      try (Inbox inbox = mailboxes.pull("m")) {
        String id = inbox.take(1, Duration.ofMinutes(1)).getFirst().id();
        trellis.map(Names.tries("m")).counter(id).add(20);
      }
      try (Receiver receiver =
          mailboxes.receive(
              "m",
              delivery -> {
                got.add(delivery);
                throw new IllegalStateException("again");
              },
              SOON.withTriesMax(100))) {
        assertEquals("often", text(next()));
        others.sender().send("m", "once").join();
        for (int tries = 0; tries < 3; tries++) {
          Delivery next = next();
          assertEquals("once", text(next));
          assertEquals(tries, next.tries());
        }
        assertTrue(receiver.failures() >= 3);
      }
    }
  }
}
