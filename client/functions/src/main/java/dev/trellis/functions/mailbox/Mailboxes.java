package dev.trellis.functions.mailbox;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.Tag;
import dev.trellis.client.CallOptions;
import dev.trellis.client.Calls;
import dev.trellis.client.Handles;
import dev.trellis.client.Place;
import dev.trellis.client.Trellis;
import dev.trellis.client.session.Host;
import dev.trellis.functions.Invocation;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Mailboxes of a store: named inboxes that last. Whoever knows the name sends, whether anybody
/// reads yet or not; who reads is told at once, each message once, those of one sender in order.
///
/// ```java
/// try (Mailboxes mailboxes = Mailboxes.over(trellis);
///     Receiver receiver = mailboxes.receive("orders", delivery -> work(delivery.message()))) {
///   mailboxes.sender().send("orders", "two apples");
/// }
/// ```
///
/// One per program is enough; safe for any thread. Closing it ends its sender and its questions;
/// receivers, inboxes and other senders are closed by whoever opened them, before. The client stays
/// open.
public final class Mailboxes implements AutoCloseable {
  /// For how long the time when a message was sent is the birth of names for what is done with it.
  private static final long FRESH_MILLIS = Duration.ofMinutes(30).toMillis();

  private final Shared shared;
  private final Handles handles;
  private final Sender sender;
  private final Sender answers;
  private final Questions questions;

  private Mailboxes(Calls calls, LongSupplier incarnation) {
    this.shared = new Shared(calls, incarnation, Trellis::isClientThread);
    this.handles = key -> Place.of(calls, key);
    this.sender = new Sender(shared, SenderOptions.DEFAULT);
    this.answers = new Sender(shared, SenderOptions.DEFAULT.withTtl(Questions.TTL));
    this.questions = new Questions(shared, sender);
  }

  /// The mailboxes of a store, through whoever carries out calls: a [Trellis]. In a process that is
  /// snapshotted, through nothing else, or with [#over(Host, Calls)].
  public static Mailboxes over(Calls calls) {
    return calls instanceof Host host ? over(host, calls) : new Mailboxes(calls, () -> 0);
  }

  /// As [#over(Calls)], through what stands in front of a client.
  ///
  /// @param host the client. After a restore from a snapshot it is another one, and who sends and
  ///   asks here takes other names with it; what was asked before is not answered any more once
  ///   something is asked again
  public static Mailboxes over(Host host, Calls calls) {
    return new Mailboxes(calls, host::clientId);
  }

  // ---- Sending ----

  /// A sender that all of the program share, as [SenderOptions#DEFAULT] says.
  public Sender sender() {
    return sender;
  }

  /// A sender of its own; close it.
  public Sender sender(SenderOptions options) {
    return new Sender(shared, options);
  }

  /// Who sends for an invocation, so that a function that is run again sends nothing twice. Take it
  /// once for each run.
  public InvocationSender sender(Invocation invocation) {
    return sender(invocation, SenderOptions.DEFAULT);
  }

  /// As [#sender(Invocation)], with options.
  public InvocationSender sender(Invocation invocation, SenderOptions options) {
    return new InvocationSender(invocation, options);
  }

  // ---- Receiving ----

  /// Has a handler called for each message of a mailbox, from now until the receiver is closed.
  ///
  /// @throws dev.trellis.client.TrellisException if the store can't be reached
  public Receiver receive(String mailbox, MessageHandler handler) {
    return receive(mailbox, handler, ReceiverOptions.DEFAULT);
  }

  /// As [#receive(String, MessageHandler)], with options.
  public Receiver receive(String mailbox, MessageHandler handler, ReceiverOptions options) {
    return started(new Receiver(shared, mailbox, handler, null, options));
  }

  /// As [#receive(String, MessageHandler)], with a handler that does not block. It is called as
  /// soon as a message is here, where others wait for a thread.
  public Receiver receiveAsync(String mailbox, AsyncMessageHandler handler) {
    return receiveAsync(mailbox, handler, ReceiverOptions.DEFAULT);
  }

  /// As [#receiveAsync(String, AsyncMessageHandler)], with options.
  public Receiver receiveAsync(
      String mailbox, AsyncMessageHandler handler, ReceiverOptions options) {
    return started(new Receiver(shared, mailbox, null, handler, options));
  }

  private static Receiver started(Receiver receiver) {
    var unused = Trellis.await(receiver.start());
    return receiver;
  }

  /// Opens a mailbox to be read by hand, and acknowledged later.
  public Inbox pull(String mailbox) {
    return pull(mailbox, ReceiverOptions.DEFAULT);
  }

  /// As [#pull(String)], with options.
  public Inbox pull(String mailbox, ReceiverOptions options) {
    Inbox inbox = new Inbox(shared, mailbox, options);
    inbox.start();
    return inbox;
  }

  // ---- Asking ----

  /// Sends a question, and waits for the answer of whoever reads the mailbox.
  ///
  /// @return completes with the answer; with [NoAnswerException] if none comes in time, or the
  ///   answer is that it has failed; or as the sending failed. The question may be answered, and
  ///   have had its effect, all the same
  /// @throws dev.trellis.client.DefiniteException.Overloaded as [Sender#send(String, Message)] does
  public CompletableFuture<Message> ask(String mailbox, Message question, Duration timeout) {
    return questions.ask(mailbox, question, timeout);
  }

  /// As [#ask(String, Message, Duration)], of a question that is just a body.
  public CompletableFuture<Message> ask(String mailbox, Payload body, Duration timeout) {
    return ask(mailbox, Message.of(body), timeout);
  }

  /// Answers a question; a message that is none is not answered.
  ///
  /// @return completes when the answer is kept
  public CompletableFuture<@Nullable Void> answer(Delivery question, Payload body) {
    return answer(question, Message.of(body), false);
  }

  /// Answers a question with the reason why there is no answer.
  ///
  /// @return completes when that is kept
  public CompletableFuture<@Nullable Void> answerFailed(Delivery question, String reason) {
    return answer(question, Message.ofText(reason), true);
  }

  private CompletableFuture<@Nullable Void> answer(
      Delivery delivery, Message body, boolean failed) {
    if (!(delivery.message().purpose() instanceof Message.Purpose.Question question)) {
      return CompletableFuture.completedFuture(null);
    }
    return answers.send(
        question.replyTo(),
        body.withPurpose(new Message.Purpose.Answer(question.correlation(), failed)));
  }

  // ---- Groups ----

  /// Mailboxes that are sent to together.
  public Group group(String name) {
    return new Group(handles.set(Names.group(name)), sender);
  }

  // ---- Looking ----

  /// The messages that wait, oldest first, without acknowledging them; those of one sender may be
  /// out of order, and earlier ones missing, where a replica has not heard of them yet. What can't
  /// be read is left out.
  ///
  /// @param limit at most this many records, 1 or more; small messages travel many in a record
  public List<Delivery> peek(String mailbox, int limit) {
    Reply reply =
        Trellis.await(
            shared
                .calls()
                .execute(
                    Names.mailbox(mailbox),
                    new Read.Since(CausalContext.EMPTY, limit),
                    CallOptions.DEFAULT));
    List<Delivery> waiting = new ArrayList<>();
    if (((Outcome.Done) reply.outcome()).view() instanceof View.Records records) {
      for (View.LogRecord record : records.records()) {
        addTo(waiting, mailbox, record);
      }
    }
    return waiting;
  }

  private static void addTo(List<Delivery> waiting, String mailbox, View.LogRecord record) {
    try {
      List<Message> messages = Packet.decode(record.value()).messages();
      for (int index = 0; index < messages.size(); index++) {
        waiting.add(
            new Delivery(mailbox, record.dot(), index, record.timestamp(), messages.get(index), 0));
      }
    } catch (Packet.MalformedException e) {
      // The receiver buries it, with the reason.
    }
  }

  /// How many records wait; small messages travel many in a record.
  public long size(String mailbox) {
    Reply reply =
        Trellis.await(
            shared
                .calls()
                .execute(Names.mailbox(mailbox), new Read.Size(Kind.LOG), CallOptions.DEFAULT));
    return ((Outcome.Done) reply.outcome()).view() instanceof View.Whole count ? count.value() : 0;
  }

  /// Deletes a mailbox with all that waits in it, and what was noted of tries. Whoever sends
  /// afterwards begins a new one.
  ///
  /// @return whether there was one
  public boolean delete(String mailbox) {
    Reply reply =
        Trellis.await(
            shared
                .calls()
                .execute(Names.mailbox(mailbox), new Mutation.Delete(), CallOptions.DEFAULT));
    var unused =
        Trellis.await(
            shared
                .calls()
                .execute(Names.tries(mailbox), new Mutation.Delete(), CallOptions.DEFAULT));
    return ((Outcome.Done) reply.outcome()).changed() > 0;
  }

  /// The names of the mailboxes that there are, ascending; those that were emptied among them.
  public static Stream<String> names(Trellis trellis) {
    return names(trellis, "");
  }

  /// The same of those whose names start so: all that somebody may list whose rights are on a
  /// prefix.
  public static Stream<String> names(Trellis trellis, String prefix) {
    return trellis
        .keys(Names.MAILBOX_PREFIX + prefix)
        .map(key -> key.key().text().substring(Names.MAILBOX_PREFIX.length()));
  }

  /// The key under which a mailbox is kept, whose rights are those of the name.
  public static Payload key(String mailbox) {
    return Names.mailbox(mailbox);
  }

  /// The name of the mailbox for what of another could not be handled.
  public static String deadLettersOf(String mailbox) {
    return Names.dead(mailbox);
  }

  /// @param letter as encoded
  static CompletableFuture<Reply> bury(
      Shared shared, String mailbox, Delivery delivery, Payload letter) {
    InvocationId name = nameOf("dead letter", shared, delivery);
    return shared
        .calls()
        .execute(
            Names.mailbox(Names.dead(mailbox)),
            new Mutation.Append(List.of(Packet.join(Optional.empty(), List.of(letter)))),
            CallOptions.DEFAULT.withTag(new Tag(name, 1)));
  }

  /// A name for what is done with a message. The same one each time while the message is fresh,
  /// then for half an hour each, as nodes refuse names that are much older.
  static InvocationId nameOf(String what, Shared shared, Delivery delivery) {
    long sentMillis = delivery.sent().millis();
    long nowMillis = shared.nowMillis();
    ByteBuffer digest =
        ByteBuffer.wrap(sha256(what + " " + delivery.mailbox() + " " + delivery.id()));
    return InvocationId.mint(
        nowMillis - sentMillis < FRESH_MILLIS ? sentMillis : nowMillis - nowMillis % FRESH_MILLIS,
        digest::getLong);
  }

  private static byte[] sha256(String text) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this Java has no SHA-256", e);
    }
  }

  @Override
  public void close() {
    questions.close();
    sender.close();
    answers.close();
    shared.close();
  }
}
