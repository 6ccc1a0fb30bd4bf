package dev.trellis.client;

/// The last confirmation of one connection, shared by all subscriptions on it. Written on the event
/// loop of its lane, read by any thread.
final class Confirmations {
  private volatile Confirmation latest;

  Confirmations(Confirmation first) {
    latest = first;
  }

  Confirmation latest() {
    return latest;
  }

  void confirm(Confirmation next) {
    latest = next;
  }

  /// The connection is lost, or nothing more is told on it.
  void end() {
    latest = latest.ended();
  }
}
