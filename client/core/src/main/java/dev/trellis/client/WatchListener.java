package dev.trellis.client;

import dev.trellis.wire.Reply;

/// Is told the states of a watched key. Called on a thread of the client that may block, for one
/// watch never by two at once. States that come faster than the listener takes them are coalesced.
public interface WatchListener {
  /// The state of the key: the current one first and after every reconnect, then after changes.
  ///
  /// @param reply as to a `Get`; its outcome is `Done`
  void onState(Reply reply);

  /// The watch has ended, and not by [Watch#close]. Nothing else will be called.
  void onFailure(TrellisException failure);
}
