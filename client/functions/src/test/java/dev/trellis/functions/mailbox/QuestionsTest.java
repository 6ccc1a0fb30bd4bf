package dev.trellis.functions.mailbox;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.client.Calls;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.Trellis;
import dev.trellis.junit.TrellisExtension;
import dev.trellis.lattice.Payload;
import dev.trellis.node.TrellisNode;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class QuestionsTest {
  private static final Duration WAIT = Duration.ofMinutes(1);

  @RegisterExtension static final TrellisExtension STORE = TrellisExtension.perMethod();

  /// What two processes that were restored from one snapshot would share.
  @Test
  void whoWasRestoredAsksAndSendsUnderNamesOfHisOwn(TrellisNode node, Trellis trellis)
      throws InterruptedException {
    BlockingQueue<Delivery> got = new LinkedBlockingQueue<>();
    try (Trellis other = Trellis.connect("127.0.0.1:" + node.descriptor().shardPorts().getFirst());
        Mailboxes there = Mailboxes.over(other);
        Receiver receiver =
            there.receive(
                "q",
                delivery -> {
                  got.add(delivery);
                  there.answer(delivery, delivery.message().body()).join();
                });
        Mailboxes mailboxes = Mailboxes.over(trellis)) {
      Delivery before = asked(mailboxes, got);
      assertEquals(before.dot().replica(), asked(mailboxes, got).dot().replica());
      trellis.beforeCheckpoint();
      trellis.afterRestore();
      Delivery after = asked(mailboxes, got);
      assertNotEquals(before.dot().replica(), after.dot().replica());
      assertNotEquals(replyTo(before), replyTo(after));
      assertEquals(replyTo(after), replyTo(asked(mailboxes, got)));
      assertEquals(0, receiver.skipped());
    }
  }

  private static Delivery asked(Mailboxes mailboxes, BlockingQueue<Delivery> got)
      throws InterruptedException {
    Payload body = Payload.ofText("body");
    assertEquals(body, mailboxes.ask("q", body, WAIT).join().body());
    Delivery delivery = got.poll(WAIT.toSeconds(), TimeUnit.SECONDS);
    assertTrue(delivery != null, "no question");
    return delivery;
  }

  private static String replyTo(Delivery question) {
    return ((Message.Purpose.Question) question.message().purpose()).replyTo();
  }

  @Test
  void aQuestionThatThereIsNoRoomForIsNotWaitedFor() {
    Calls silent = (key, operation, options) -> new CompletableFuture<>();
    try (Shared shared = new Shared(silent, () -> 0, () -> true);
        Questions questions =
            new Questions(
                shared, new Sender(shared, SenderOptions.DEFAULT.withWaitingBytesMax(1)))) {
      CompletableFuture<Message> first = questions.ask("q", Message.ofText("first"), WAIT);
      CompletableFuture<Message> second = questions.ask("q", Message.ofText("second"), WAIT);
      assertThrows(
          DefiniteException.Overloaded.class,
          () -> questions.ask("q", Message.ofText("third"), WAIT));
      assertEquals(2, questions.waiting());
      assertTrue(!first.isDone() && !second.isDone());
    }
  }
}
