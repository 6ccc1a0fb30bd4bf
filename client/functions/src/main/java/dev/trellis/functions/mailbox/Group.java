package dev.trellis.functions.mailbox;

import dev.trellis.client.SetHandle;
import dev.trellis.lattice.Payload;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/// Mailboxes that are sent to together: an `orset` of their names.
public final class Group {
  private final SetHandle members;
  private final Sender sender;

  Group(SetHandle members, Sender sender) {
    this.members = members;
    this.sender = sender;
  }

  /// Has a mailbox be told what is sent to the group from now on.
  public void join(String mailbox) {
    Names.require(mailbox);
    members.add(mailbox);
  }

  public void leave(String mailbox) {
    members.remove(mailbox);
  }

  /// The names of the mailboxes, ascending.
  public List<String> members() {
    return members.elements().stream().map(Payload::text).toList();
  }

  /// Sends a message to each mailbox that is in the group, as far as the replica that is asked
  /// knows.
  ///
  /// @return completes when it is kept in each; with the failure of one where there is one
  public CompletableFuture<@Nullable Void> broadcast(Message message) {
    return members
        .elementsAsync()
        .thenCompose(
            names ->
                CompletableFuture.allOf(
                    names.stream()
                        .map(name -> sender.send(name.text(), message))
                        .toArray(CompletableFuture<?>[]::new)));
  }
}
