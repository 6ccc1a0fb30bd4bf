package dev.trellis.functions.mailbox;

/// What a receiver does with a message.
@FunctionalInterface
public interface MessageHandler {
  /// Handles a message; returning acknowledges it. May block.
  ///
  /// @throws Exception to have it again later; after [ReceiverOptions#triesMax] times it goes to
  ///   the dead letters
  void handle(Delivery delivery) throws Exception;
}
