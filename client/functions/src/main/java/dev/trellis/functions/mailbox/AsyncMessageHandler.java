package dev.trellis.functions.mailbox;

import java.util.concurrent.CompletableFuture;

/// What a receiver does with a message, without a thread of its own: for handlers that just send,
/// or note something, and are to be called as soon as a message is here.
@FunctionalInterface
public interface AsyncMessageHandler {
  /// Begins to handle a message. Called on a thread that carries requests and answers, so it must
  /// not block nor take long.
  ///
  /// @return when it completes, the message is acknowledged; when it fails, the message comes again
  ///   later, and after [ReceiverOptions#triesMax] times goes to the dead letters
  /// @throws Exception as if that were the failure
  CompletableFuture<?> handle(Delivery delivery) throws Exception;
}
