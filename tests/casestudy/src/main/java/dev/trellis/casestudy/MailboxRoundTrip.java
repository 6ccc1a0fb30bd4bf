package dev.trellis.casestudy;

import dev.trellis.client.Trellis;
import dev.trellis.functions.mailbox.Mailboxes;
import dev.trellis.functions.mailbox.Receiver;
import dev.trellis.functions.mailbox.ReceiverOptions;
import dev.trellis.functions.mailbox.Sender;
import dev.trellis.functions.mailbox.SenderOptions;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Acknowledgement;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/// A message to the mailbox of another function, which sends it back to that of the first. Each
/// function waits until its message is kept as `level` says, as it would to rely on it; that goes
/// on beside the message's way to the receiver.
final class MailboxRoundTrip implements RoundTrip {
  private static final long PATIENCE_SECONDS = 30;

  private final Acknowledgement level;
  private final String there;
  private final Payload message;
  private final LinkedBlockingQueue<Payload> back = new LinkedBlockingQueue<>();
  private final Mailboxes ofCaller;
  private final Mailboxes ofCallee;
  private final Sender caller;
  private final Sender callee;
  private final Receiver atCaller;
  private final Receiver atCallee;

  MailboxRoundTrip(Trellis caller, Trellis callee, int bytes, Acknowledgement level) {
    this.level = level;
    this.message = Payload.of(new byte[bytes]);
    String word = level.name().toLowerCase(Locale.ROOT);
    this.there = "casestudy/there/" + word;
    String home = "casestudy/back/" + word;
    SenderOptions sending = SenderOptions.DEFAULT.withAcknowledgement(level);
    ReceiverOptions receiving = ReceiverOptions.DEFAULT.withAcknowledgement(level);
    this.ofCaller = Mailboxes.over(caller);
    this.ofCallee = Mailboxes.over(callee);
    this.caller = ofCaller.sender(sending);
    this.callee = ofCallee.sender(sending);
    this.atCaller =
        ofCaller.receiveAsync(
            home,
            delivery -> {
              back.add(delivery.message().body());
              return CompletableFuture.completedFuture(true);
            },
            receiving);
    this.atCallee =
        ofCallee.receiveAsync(
            there, delivery -> this.callee.send(home, delivery.message().body()), receiving);
  }

  @Override
  public String name() {
    return "mailbox, there and back, ack=" + level.name().toLowerCase(Locale.ROOT);
  }

  @Override
  public void run() throws InterruptedException {
    var sent = caller.send(there, message);
    if (back.poll(PATIENCE_SECONDS, TimeUnit.SECONDS) == null) {
      throw new IllegalStateException("nothing came back within " + PATIENCE_SECONDS + " s");
    }
    var _ = sent.join();
  }

  @Override
  public void close() {
    atCallee.close();
    atCaller.close();
    caller.close();
    callee.close();
    ofCaller.close();
    ofCallee.close();
  }
}
