package dev.trellis.client;

/// A watch of a key's whole entry, for who keeps a copy of it, as a cache does. Safe for any
/// thread.
public interface Subscription extends Watch {
  /// What is known of how new the state is that the listener was told last. Costs two reads of
  /// memory. Not live from the loss of the connection on, until the shard that is asked next has
  /// told its state and has confirmed it.
  Confirmation confirmation();
}
