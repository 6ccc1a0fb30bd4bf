package dev.trellis.functions.mailbox;

import dev.trellis.causal.Tag;
import dev.trellis.client.CallOptions;
import dev.trellis.functions.Invocation;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/// Sends the messages of an invocation: a function that is run again, and sends the same again,
/// sends nothing twice. They go when the invocation commits, unless its guarantees say otherwise; a
/// mailbox that is full then fails the commit. Those to one mailbox arrive together, or where they
/// are more than 256 KiB in parts, each once the one before is kept; those that its guarantees have
/// sent at once, one after the other. So none is there without those that were sent before it.
///
/// The function must send the same to each mailbox, in the same order, each time that it is run.
/// Safe for any thread.
public final class InvocationSender {
  private final Invocation invocation;
  private final SenderOptions options;
  private final Map<String, Sent> sent = new HashMap<>(); // by mailbox; guarded by itself

  /// What was sent to a mailbox.
  private static final class Sent {
    long count;
    CompletableFuture<@Nullable Void> last = CompletableFuture.completedFuture(null);
  }

  InvocationSender(Invocation invocation, SenderOptions options) {
    this.invocation = invocation;
    this.options = options;
  }

  /// Sends a message.
  ///
  /// @return completes when it is with the invocation, or kept, or has failed; the commit tells
  ///   too. Fails with what a former message to the same mailbox has failed with, and is not sent
  ///   then
  public CompletableFuture<@Nullable Void> send(String mailbox, Message message) {
    Payload key = Names.mailbox(mailbox);
    Payload record = Packet.join(Optional.empty(), List.of(Packet.encode(message)));
    synchronized (sent) {
      Sent before = sent.computeIfAbsent(mailbox, first -> new Sent());
      long number = before.count++;
      if (before.last.isDone() && !before.last.isCompletedExceptionally()) {
        before.last = send(key, record, number);
      } else {
        // The commit must know of it, though it is not begun.
        before.last =
            invocation.counting(before.last.thenCompose(kept -> send(key, record, number)));
      }
      return before.last;
    }
  }

  private CompletableFuture<@Nullable Void> send(Payload key, Payload record, long number) {
    CallOptions call =
        CallOptions.DEFAULT
            .withAcknowledgement(options.acknowledgement())
            .withTimeout(options.timeout())
            .withTag(new Tag(invocation.id(), 1 + number / Tag.POSITIONS_MAX));
    return invocation
        .execute(
            key,
            new Mutation.Append(
                List.of(record),
                (int) (number % Tag.POSITIONS_MAX),
                options.recordsMax(),
                options.bytesMax()),
            options.ttl().map(call::withTtl).orElse(call))
        .thenAccept(reply -> {});
  }

  /// As [#send(String, Message)], of a message that is just a body.
  public CompletableFuture<@Nullable Void> send(String mailbox, Payload body) {
    return send(mailbox, Message.of(body));
  }

  /// As [#send(String, Message)], of a message that is just a text.
  public CompletableFuture<@Nullable Void> send(String mailbox, String text) {
    return send(mailbox, Message.ofText(text));
  }
}
