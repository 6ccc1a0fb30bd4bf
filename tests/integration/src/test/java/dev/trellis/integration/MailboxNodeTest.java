package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.InvocationId;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.Trellis;
import dev.trellis.functions.Functions;
import dev.trellis.functions.Invocation;
import dev.trellis.functions.mailbox.Delivery;
import dev.trellis.functions.mailbox.Group;
import dev.trellis.functions.mailbox.Inbox;
import dev.trellis.functions.mailbox.InvocationSender;
import dev.trellis.functions.mailbox.Mailboxes;
import dev.trellis.functions.mailbox.Message;
import dev.trellis.functions.mailbox.NoAnswerException;
import dev.trellis.functions.mailbox.Receiver;
import dev.trellis.functions.mailbox.ReceiverOptions;
import dev.trellis.functions.mailbox.Sender;
import dev.trellis.functions.mailbox.SenderOptions;
import dev.trellis.lattice.Payload;
import dev.trellis.node.TrellisNode;
import dev.trellis.node.config.NodeConfig;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// Mailboxes against a real node of several shards.
class MailboxNodeTest {
  private static final Duration WAIT = Duration.ofSeconds(30);

  private final TrellisNode node = TrellisNode.start(NodeConfig.loopback("node-1", 3));
  private final Trellis trellis =
      Trellis.connect(
          ClientConfig.of("127.0.0.1:" + node.descriptor().shardPorts().getFirst())
              .withConnectTimeout(WAIT)
              .withTimeout(WAIT));
  private final Mailboxes mailboxes = Mailboxes.over(trellis);
  private final BlockingQueue<Delivery> got = new LinkedBlockingQueue<>();

  @AfterEach
  void stop() {
    mailboxes.close();
    trellis.close();
    node.close();
  }

  private Delivery next() throws InterruptedException {
    Delivery next = got.poll(WAIT.toSeconds(), TimeUnit.SECONDS);
    assertTrue(next != null, "no message in time");
    return next;
  }

  private static String text(Delivery delivery) {
    return delivery.message().body().text();
  }

  @Test
  void whatIsSentIsPushedInOrderAndOnce() throws InterruptedException {
    int messages = 5_000;
    try (Receiver receiver = mailboxes.receive("orders", got::add)) {
      List<CompletableFuture<?>> sent = new ArrayList<>();
      for (int i = 0; i < messages; i++) {
        sent.add(mailboxes.sender().send("orders", "order-" + i));
      }
      for (int i = 0; i < messages; i++) {
        assertEquals("order-" + i, text(next()));
      }
      sent.forEach(CompletableFuture::join);
      assertEquals(messages, receiver.handled());
    }
    assertTrue(got.isEmpty());
    assertEquals(0, mailboxes.size("orders"));
  }

  @Test
  void aMessageWaitsForItsReceiverAndTheNextReceiverGoesOn() throws InterruptedException {
    mailboxes.sender().send("later", "one").join();
    mailboxes.sender().send("later", "two").join();
    assertEquals(
        List.of("one", "two"),
        mailboxes.peek("later", 10).stream().map(MailboxNodeTest::text).toList());
    try (Inbox inbox = mailboxes.pull("later")) {
      List<Delivery> taken = inbox.take(1, WAIT);
      assertEquals("one", text(taken.getFirst()));
      inbox.acknowledge(taken).join();
    }
    mailboxes.sender().send("later", "three").join();
    try (Receiver _ = mailboxes.receive("later", got::add)) {
      assertEquals("two", text(next()));
      assertEquals("three", text(next()));
    }
    try (Inbox inbox = mailboxes.pull("later")) {
      assertEquals(List.of(), inbox.take(1, Duration.ofMillis(50)));
    }
  }

  @Test
  void aMessageThatFailsIsTriedAgainThenGoesToTheDeadLettersAndHoldsUpItsSenderOnly()
      throws InterruptedException {
    AtomicInteger tries = new AtomicInteger();
    ReceiverOptions options =
        ReceiverOptions.DEFAULT.withTriesMax(3).withRetryAfter(Duration.ofMillis(20));
    try (Sender other = mailboxes.sender(SenderOptions.DEFAULT);
        Receiver receiver =
            mailboxes.receive(
                "work",
                delivery -> {
                  if (text(delivery).equals("poison")) {
                    tries.incrementAndGet();
                    throw new IllegalStateException("no appetite");
                  }
                  got.add(delivery);
                },
                options)) {
      mailboxes.sender().send("work", "poison").join();
      mailboxes.sender().send("work", "after").join();
      other.send("work", "beside").join();
      assertEquals("beside", text(next()));
      assertEquals("after", text(next()));
      assertEquals(3, tries.get());
      assertEquals(1, receiver.dead());
    }
    List<Delivery> dead = mailboxes.peek(Mailboxes.deadLettersOf("work"), 10);
    assertEquals(List.of("poison"), dead.stream().map(MailboxNodeTest::text).toList());
    assertTrue(
        dead.getFirst().message().headers().get("error").contains("no appetite"), dead::toString);
    assertEquals(0, mailboxes.size("work"));
  }

  @Test
  void whatIsNoMessageGoesToTheDeadLetters() throws InterruptedException {
    trellis.log("_trellis/mailbox/raw").append("scribble");
    try (Receiver receiver = mailboxes.receive("raw", got::add);
        Receiver dead = mailboxes.receive(Mailboxes.deadLettersOf("raw"), got::add)) {
      Delivery letter = next();
      assertEquals("scribble", text(letter));
      assertTrue(letter.message().headers().get("error").startsWith("it is no message"));
      assertEquals(0, receiver.handled());
      assertEquals(0, dead.failures());
    }
  }

  @Test
  void aFullMailboxHoldsUpWhoeverSendsUntilSomethingIsRead() throws InterruptedException {
    SenderOptions small =
        SenderOptions.DEFAULT
            .withCapacity(3, 0)
            .withPacketBytesMax(1)
            .withTimeout(Duration.ofMillis(300));
    try (Sender hasty = mailboxes.sender(small);
        Sender patient = mailboxes.sender(small.withTimeout(WAIT))) {
      for (int i = 0; i < 3; i++) {
        hasty.send("small", "m" + i).join();
      }
      CompletionException refused =
          assertThrows(CompletionException.class, () -> hasty.send("small", "m3").join());
      assertInstanceOf(DefiniteException.Overloaded.class, refused.getCause());
      assertTrue(refused.getCause().getMessage().contains("is full: it has 3 records"));
      CompletableFuture<?> waits = patient.send("small", "m4");
      assertFalse(waits.isDone());
      try (Receiver receiver = mailboxes.receive("small", got::add)) {
        waits.join();
        for (String expected : List.of("m0", "m1", "m2", "m4")) {
          assertEquals(expected, text(next()));
        }
        assertEquals(0, receiver.skipped());
      }
    }
  }

  @Test
  void aHandlerThatDoesNotBlockIsCalledOnceForEachAndWhatItCanNotHandleGoesToTheDeadLetters()
      throws InterruptedException {
    ReceiverOptions soon =
        ReceiverOptions.DEFAULT.withTriesMax(2).withRetryAfter(Duration.ofMillis(1));
    try (Receiver dead = mailboxes.receive("async/dead", got::add);
        Receiver receiver =
            mailboxes.receiveAsync(
                "async",
                delivery ->
                    text(delivery).equals("bad")
                        ? CompletableFuture.failedFuture(new IllegalStateException("bad"))
                        : mailboxes.sender().send("async/back", delivery.message().body()),
                soon)) {
      List<CompletableFuture<?>> sent = new ArrayList<>();
      for (int i = 0; i < 500; i++) {
        sent.add(mailboxes.sender().send("async", i == 250 ? "bad" : "m" + i));
      }
      sent.forEach(CompletableFuture::join);
      assertEquals("bad", text(next()));
      List<String> back = new ArrayList<>();
      try (Inbox inbox = mailboxes.pull("async/back")) {
        while (back.size() < 499) {
          List<Delivery> some = inbox.take(100, WAIT);
          some.forEach(delivery -> back.add(text(delivery)));
          var _ = inbox.acknowledge(some);
        }
      }
      assertEquals(
          IntStream.range(0, 500).filter(i -> i != 250).mapToObj(i -> "m" + i).toList(), back);
      assertEquals(499, receiver.handled());
      assertEquals(2, receiver.failures());
      assertEquals(1, receiver.dead());
      assertTrue(dead.handled() <= 1);
    }
  }

  @Test
  void aQuestionIsAnswered() {
    try (Receiver receiver =
        mailboxes.receive(
            "sum",
            delivery -> {
              if (text(delivery).isEmpty()) {
                var _ = mailboxes.answerFailed(delivery, "nothing to add");
              } else {
                int sum = text(delivery).chars().map(digit -> digit - '0').sum();
                var _ = mailboxes.answer(delivery, Payload.ofText("" + sum));
              }
            })) {
      assertEquals("6", mailboxes.ask("sum", Payload.ofText("123"), WAIT).join().body().text());
      CompletionException failed =
          assertThrows(
              CompletionException.class, () -> mailboxes.ask("sum", Payload.EMPTY, WAIT).join());
      assertTrue(((NoAnswerException) failed.getCause()).isFailure());
      assertTrue(failed.getMessage().contains("nothing to add"));
      receiver.close(); // an answer may be here before its handler has returned
      assertEquals(2, receiver.handled());
    }
    CompletionException silence =
        assertThrows(
            CompletionException.class,
            () -> mailboxes.ask("nobody", Payload.EMPTY, Duration.ofMillis(50)).join());
    assertFalse(((NoAnswerException) silence.getCause()).isFailure());
  }

  @Test
  void aGroupIsSentToTogether() throws InterruptedException {
    Group group = mailboxes.group("everybody");
    group.join("ann");
    group.join("bob");
    group.join("eve");
    group.leave("eve");
    group.broadcast(Message.ofText("hello").withFrom("me").withHeaders(Map.of("k", "v"))).join();
    for (String name : List.of("ann", "bob")) {
      try (Receiver receiver = mailboxes.receive(name, got::add)) {
        Delivery delivery = next();
        assertEquals("hello", text(delivery));
        assertEquals(Optional.of("me"), delivery.message().from());
        assertEquals(Map.of("k", "v"), delivery.message().headers());
        assertEquals(name, receiver.mailbox());
      }
    }
    assertEquals(0, mailboxes.size("eve"));
  }

  @Test
  void anInvocationThatIsRunAgainSendsNothingTwice() throws InterruptedException {
    Functions functions = Functions.over(trellis);
    InvocationId id = functions.newId();
    for (int run = 0; run < 3; run++) {
      try (Invocation invocation = functions.invocation(id)) {
        InvocationSender sender = mailboxes.sender(invocation);
        for (int i = 0; i < 3; i++) {
          var _ = sender.send("once", "m" + i);
        }
        sender.send("elsewhere", "e").join();
        if (run > 0) {
          invocation.commit(); // the first run fails before
        }
      }
    }
    try (Receiver receiver = mailboxes.receive("once", got::add)) {
      for (int i = 0; i < 3; i++) {
        assertEquals("m" + i, text(next()));
      }
      assertEquals(0, receiver.skipped());
    }
    assertEquals(1, mailboxes.size("elsewhere"));
    assertTrue(got.isEmpty());
  }

  @Test
  void aMailboxThatWasDeletedStartsAnewAndItsSenderGoesOn() throws InterruptedException {
    mailboxes.sender().send("renewed", "before").join();
    mailboxes.sender().send("renewed", "before, too").join();
    assertTrue(mailboxes.delete("renewed"));
    mailboxes.sender().send("renewed", "after").join();
    try (Receiver receiver =
        mailboxes.receive(
            "renewed", got::add, ReceiverOptions.DEFAULT.withGapPatience(Duration.ofMillis(20)))) {
      assertEquals("after", text(next()));
      assertEquals(1, receiver.skipped());
    }
    assertEquals(List.of("renewed"), Mailboxes.names(trellis).toList());
  }

  @Test
  void aReceiverThatDiedIsFollowedCarefullySoThatAMessageThatKillsIsFound()
      throws InterruptedException {
    mailboxes.sender().send("deadly", "killer").join();
    mailboxes.sender().send("deadly", "harmless").join();
    ReceiverOptions options = ReceiverOptions.DEFAULT.withTriesMax(3);
    // A process that dies: its handler never returns, and nothing of it is acknowledged.
    for (int life = 0; life < 4; life++) {
      BlockingQueue<Delivery> begun = new LinkedBlockingQueue<>();
      CompletableFuture<Void> never = new CompletableFuture<>();
      Mailboxes ofProcess = Mailboxes.over(trellis);
      Receiver _ =
          ofProcess.receive(
              "deadly",
              delivery -> {
                begun.add(delivery);
                never.join();
              },
              options);
      Delivery first = begun.poll(WAIT.toSeconds(), TimeUnit.SECONDS);
      assertEquals("killer", text(first));
      assertEquals(Math.max(0, life - 1), first.tries());
      ofProcess.close(); // and not its receiver
    }
    try (Receiver receiver = mailboxes.receive("deadly", got::add, options)) {
      assertEquals("harmless", text(next()));
      assertEquals(1, receiver.dead());
    }
    assertEquals(1, mailboxes.size(Mailboxes.deadLettersOf("deadly")));
  }
}
