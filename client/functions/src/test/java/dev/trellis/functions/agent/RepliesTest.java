package dev.trellis.functions.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.ReplicaId;
import dev.trellis.causal.Tag;
import dev.trellis.lattice.Payload;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/// What is read of a mailbox for replies, and what is remembered of it.
class RepliesTest {
  /// One mailbox, whose reads and drops end when the test has them end; what a read finds is what
  /// is there when it begins.
  private static final class Mailbox implements Mail {
    private final Map<Dot, Payload> there = new LinkedHashMap<>();
    private final Queue<Runnable> reads = new ArrayDeque<>();
    private final Queue<Runnable> drops = new ArrayDeque<>();
    private Runnable told = () -> {};
    private boolean listenedTo;
    private boolean dropsFail;
    private int sent;
    private int runsMax; // of what a read does not want

    void arrives(Payload body) {
      there.put(new Dot(new ReplicaId(++sent, 1), 1), body); // each in an invocation of its own
      told.run();
    }

    void arrives(String said) {
      arrives(Envelope.reply("1", Payload.ofText(said)).encode());
    }

    void end() {
      while (!reads.isEmpty() || !drops.isEmpty()) {
        (reads.isEmpty() ? drops : reads).remove().run();
      }
    }

    @Override
    public CompletableFuture<?> send(
        String mailbox, Optional<Tag> tag, Payload body, boolean bounded) {
      throw new UnsupportedOperationException();
    }

    @Override
    public CompletableFuture<List<Received>> read(String mailbox, CausalContext seen) {
      runsMax = Math.max(runsMax, seen.runCount());
      List<Received> found = new ArrayList<>();
      there.forEach(
          (dot, body) -> {
            if (!seen.contains(dot) && found.size() < MESSAGES_MAX) {
              found.add(new Received(dot, 0, body));
            }
          });
      CompletableFuture<List<Received>> read = new CompletableFuture<>();
      reads.add(() -> read.complete(found));
      return read;
    }

    @Override
    public CompletableFuture<?> drop(String mailbox, CausalContext messages) {
      CompletableFuture<Void> dropped = new CompletableFuture<>();
      drops.add(
          () -> {
            if (dropsFail) {
              dropped.completeExceptionally(new IllegalStateException("not now"));
            } else {
              there.keySet().removeIf(messages::contains);
              dropped.complete(null);
            }
          });
      return dropped;
    }

    @Override
    public Listening listen(String mailbox, Runnable listener) {
      told = listener;
      listenedTo = true;
      return () -> listenedTo = false;
    }
  }

  private final Mailbox mailbox = new Mailbox();
  private final List<String> got = new ArrayList<>();
  private final Replies replies =
      Replies.of(mailbox, "replies/1", envelope -> got.add(envelope.said().text()));

  @Test
  void howMuchAReadSendsDoesNotGrowWithTheRepliesThatCame() {
    for (int i = 0; i < 1_000; i++) {
      mailbox.arrives("reply " + i);
      mailbox.end();
    }
    assertEquals(1_000, got.size());
    assertEquals(0, mailbox.runsMax);
    assertTrue(mailbox.there.isEmpty());
  }

  @Test
  void whatIsDroppedWhileAReadIsUnderWayIsHandedOnOnce() {
    mailbox.arrives("first");
    mailbox.reads.remove().run();
    mailbox.arrives("second"); // its read finds the first one too, but for what is remembered
    assertEquals(1, mailbox.runsMax);
    mailbox.drops.remove().run();
    mailbox.arrives("third");
    mailbox.end();
    assertEquals(List.of("first", "second", "third"), got);
    assertTrue(mailbox.there.isEmpty());
    mailbox.runsMax = 0;
    mailbox.arrives("fourth");
    assertEquals(0, mailbox.runsMax, "and forgotten by now");
  }

  @Test
  void whatCouldNotBeDroppedIsHandedOnOnceAndDroppedWithTheNext() {
    mailbox.dropsFail = true;
    mailbox.arrives("first");
    mailbox.end();
    assertEquals(1, mailbox.there.size());
    mailbox.dropsFail = false;
    mailbox.arrives("second");
    mailbox.end();
    assertEquals(List.of("first", "second"), got);
    assertTrue(mailbox.there.isEmpty());
  }

  @Test
  void whatIsNoReplyIsDroppedAndHoldsUpNoOther() {
    mailbox.arrives(Payload.ofText("no envelope"));
    mailbox.arrives("reply");
    mailbox.end();
    assertEquals(List.of("reply"), got);
    assertTrue(mailbox.there.isEmpty());
  }

  @Test
  void moreThanOneReadTakesAreReadAtOnce() {
    int many = 2 * Mail.MESSAGES_MAX + 1;
    Runnable told = mailbox.told;
    mailbox.told = () -> {};
    for (int i = 0; i < many; i++) {
      mailbox.arrives("reply " + i);
    }
    told.run();
    mailbox.end();
    assertEquals(many, got.size());
  }

  @Test
  void isClosedOnceNothingIsBeingDropped() {
    mailbox.arrives("first");
    mailbox.reads.remove().run();
    mailbox.arrives("second");
    CompletableFuture<?> closed = replies.close();
    assertFalse(closed.isDone());
    assertFalse(mailbox.listenedTo);
    mailbox.end();
    assertTrue(closed.isDone());
    assertEquals(List.of("first"), got);
    assertEquals(1, mailbox.there.size());
  }
}
