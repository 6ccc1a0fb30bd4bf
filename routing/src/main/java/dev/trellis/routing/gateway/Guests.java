package dev.trellis.routing.gateway;

import dev.trellis.access.Caller;
import io.netty.handler.codec.http.HttpHeaders;
import java.net.SocketAddress;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/// Says who may ask the gateway, and gives each a store that can do what he may and nothing else.
/// For any thread.
interface Guests extends AutoCloseable {
  /// Looks at what somebody shows, as soon as the header of his request is here. Never waits.
  ///
  /// @param what he asks for, such as `GET /v1/keys/a`, for the audit log
  /// @throws Refusal if he may not ask
  Guest admit(HttpHeaders headers, String what, SocketAddress from);

  /// Lets go of the stores.
  @Override
  void close();

  /// Somebody who may ask.
  interface Guest {
    /// Who it is; empty where everybody may ask.
    Optional<Caller> caller();

    /// A store that acts for him, until [Seat#leave].
    ///
    /// @param ended called once, on any thread, if he must not be served any more: his key was
    ///   revoked, or is over
    /// @return may complete on any thread; exceptionally with a [Refusal] only
    CompletableFuture<Seat> seat(Runnable ended);
  }

  /// What a guest has while he is served.
  interface Seat {
    Store store();

    /// Gives it back. Doing it twice is harmless.
    void leave();
  }

  /// Everybody, where there is no security.
  static Guests everybody(Store store) {
    CompletableFuture<Seat> seat =
        CompletableFuture.completedFuture(
            new Seat() {
              @Override
              public Store store() {
                return store;
              }

              @Override
              public void leave() {}
            });
    Guest guest =
        new Guest() {
          @Override
          public Optional<Caller> caller() {
            return Optional.empty();
          }

          @Override
          public CompletableFuture<Seat> seat(Runnable ended) {
            return seat;
          }
        };
    return new Guests() {
      @Override
      public Guest admit(HttpHeaders headers, String what, SocketAddress from) {
        return guest;
      }

      @Override
      public void close() {}
    };
  }
}
