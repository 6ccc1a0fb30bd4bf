package dev.trellis.casestudy;

import dev.trellis.causal.InvocationId;
import dev.trellis.client.Trellis;
import dev.trellis.functions.FunctionCall;
import dev.trellis.functions.mailbox.Mailboxes;
import dev.trellis.functions.mailbox.Receiver;
import dev.trellis.functions.mailbox.Sender;
import dev.trellis.functions.mailbox.SenderOptions;
import dev.trellis.lattice.Payload;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Hands calls over through a mailbox, which keeps them until the function has carried them out.
final class MailboxHandOver implements FunctionServing.HandOver {
  static final String NAME = "mailbox, and a future back";

  /// Should nobody come to delete it.
  private static final Duration KEPT = Duration.ofHours(1);

  private final Mailboxes callers;
  private final Mailboxes functions;
  private final Sender sender;
  private final String mailbox;
  private @Nullable Receiver receiver;

  /// @param mailbox that nobody else uses
  MailboxHandOver(Trellis caller, Trellis host, String mailbox) {
    this.callers = Mailboxes.over(caller);
    this.functions = Mailboxes.over(host);
    this.sender = callers.sender(SenderOptions.DEFAULT.withTtl(KEPT));
    this.mailbox = mailbox;
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public CompletableFuture<?> send(InvocationId id, Payload batch) {
    return sender.send(mailbox, FunctionServing.message(id, batch));
  }

  @Override
  public void receive(Consumer<FunctionCall> function) {
    receiver =
        functions.receive(
            mailbox, delivery -> function.accept(FunctionServing.call(delivery.message().body())));
  }

  @Override
  public void close() {
    if (receiver != null) {
      receiver.close();
    }
    sender.close();
    var _ = callers.delete(mailbox);
    callers.close();
    functions.close();
  }
}
