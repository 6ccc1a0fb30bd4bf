package dev.trellis.client;

import dev.trellis.wire.Reply;

/// Is told the states of a key that somebody keeps a copy of. Called on a thread that carries
/// requests and answers: it must not wait, nor take long. For one subscription never called by two
/// at once.
public interface SubscriptionListener {
  /// The state of the key: the current one first and after every reconnect, then after changes.
  /// States that follow each other on one connection come from one replica, which does not go back.
  ///
  /// @param reply as to a `State`, with a receipt; its outcome is `Done`
  /// @param first whether it is the first one on its connection: then it may come from another
  ///   replica than those before, and be older than they were
  void onState(Reply reply, boolean first);

  /// The subscription has ended, and not by [Subscription#close]. Nothing else will be called.
  void onFailure(TrellisException failure);
}
