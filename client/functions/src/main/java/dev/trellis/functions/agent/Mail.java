package dev.trellis.functions.agent;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Tag;
import dev.trellis.lattice.Payload;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/// What agents need of mailboxes.
interface Mail {
  /// At most so many messages are read at once.
  int MESSAGES_MAX = 1_000;

  /// Puts a message into a mailbox.
  ///
  /// @param tag under which it is one message, however often it is sent; empty for a new one
  /// @param bounded whether it is refused where much waits already
  CompletableFuture<?> send(String mailbox, Optional<Tag> tag, Payload body, boolean bounded);

  /// The messages that are not in `seen`, oldest first, at most [#MESSAGES_MAX]. All replicas are
  /// asked: what was sent before is shown, what was dropped before is not.
  CompletableFuture<List<Received>> read(String mailbox, CausalContext seen);

  /// Drops messages for good.
  CompletableFuture<?> drop(String mailbox, CausalContext messages);

  /// Has `told` called when there may be messages, now and whenever some come, until it is closed.
  Listening listen(String mailbox, Runnable told);

  /// Until it is closed.
  interface Listening extends AutoCloseable {
    @Override
    void close();
  }
}
