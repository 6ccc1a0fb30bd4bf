package dev.trellis.functions.mailbox;

import dev.trellis.client.Trellis;
import dev.trellis.lattice.Payload;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/// Sends messages. What one sender sends to one mailbox arrives in that order, each once.
///
/// What is sent while an append is under way waits, and travels together in the next one; so a
/// sender who does not wait for each message has a high throughput. Safe for any thread.
public final class Sender implements AutoCloseable {
  private static final int OUTLETS_MAX = 1_000;

  private final Shared shared;
  private final SenderOptions options;
  private final Map<String, Outlet> outlets = new LinkedHashMap<>(16, 0.75f, true); // by last use
  private boolean closed; // both guarded by `outlets`

  Sender(Shared shared, SenderOptions options) {
    this.shared = shared;
    this.options = options;
  }

  /// Sends a message.
  ///
  /// @return completes when it is kept as [SenderOptions#acknowledgement] says; or with a
  ///   [TrellisException]: [dev.trellis.client.DefiniteException.Overloaded] where the mailbox was
  ///   full all the time, an [dev.trellis.client.IndefiniteException] where it may have been kept
  /// @throws dev.trellis.client.DefiniteException.Overloaded if too much waits to be sent for all
  ///   of [SenderOptions#timeout]; the calling thread waits that long
  /// @throws IllegalArgumentException if it can't be the name of a mailbox
  /// @throws IllegalStateException if the sender is closed
  public CompletableFuture<@Nullable Void> send(String mailbox, Message message) {
    return outlet(mailbox).send(message);
  }

  /// As [#send(String, Message)], of a message that is just a body.
  public CompletableFuture<@Nullable Void> send(String mailbox, Payload body) {
    return send(mailbox, Message.of(body));
  }

  /// As [#send(String, Message)], of a message that is just a text.
  public CompletableFuture<@Nullable Void> send(String mailbox, String text) {
    return send(mailbox, Message.ofText(text));
  }

  private Outlet outlet(String mailbox) {
    synchronized (outlets) {
      if (closed) {
        throw new IllegalStateException("send to mailbox " + mailbox + ": the sender is closed");
      }
      Outlet outlet = outlets.get(mailbox);
      if (outlet == null) {
        outlet = new Outlet(shared, mailbox, options);
        outlets.put(mailbox, outlet);
        if (outlets.size() > OUTLETS_MAX) {
          outlets.values().stream()
              .filter(Outlet::isIdle)
              .findFirst()
              .ifPresent(idle -> outlets.values().remove(idle));
        }
      }
      return outlet;
    }
  }

  /// Waits until all that was sent so far is kept, or has failed.
  public void flush() {
    List<Outlet> all;
    synchronized (outlets) {
      all = List.copyOf(outlets.values());
    }
    all.forEach(outlet -> Trellis.await(outlet.flushed()));
  }

  /// Waits as [#flush] does, then takes no more.
  @Override
  public void close() {
    synchronized (outlets) {
      closed = true;
    }
    flush();
  }
}
