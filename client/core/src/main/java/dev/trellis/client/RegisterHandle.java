package dev.trellis.client;

import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/// An `lww` register: of concurrent puts, the one with the later timestamp stays.
public final class RegisterHandle extends Handle<RegisterHandle> {
  private static final Read.Get GET = new Read.Get(Optional.of(Kind.LWW));

  RegisterHandle(Place place) {
    super(place);
  }

  @Override
  RegisterHandle at(Place other) {
    return new RegisterHandle(other);
  }

  @Override
  Read existence() {
    return GET;
  }

  /// The value; empty if it is missing, deleted or expired. An empty value is not a missing one.
  public Optional<Payload> get() {
    return Blocking.await(getAsync());
  }

  /// As [#get].
  public CompletableFuture<Optional<Payload>> getAsync() {
    return place.read(GET).thenApply(RegisterHandle::value);
  }

  /// The value as text.
  public Optional<String> getText() {
    return Blocking.await(getTextAsync());
  }

  /// As [#getText].
  public CompletableFuture<Optional<String>> getTextAsync() {
    return getAsync().thenApply(value -> value.map(Payload::text));
  }

  /// Replaces the value. Without a ttl in the handle's options, the new one never expires.
  ///
  /// @return how many replicas have it
  public Receipt put(Payload value) {
    return Blocking.await(putAsync(value));
  }

  /// Replaces the value by bytes, which are copied.
  public Receipt put(byte[] value) {
    return put(Payload.of(value));
  }

  /// Replaces the value by the UTF-8 bytes of a text.
  ///
  /// @throws IllegalArgumentException if the text has an unpaired surrogate
  public Receipt putText(String value) {
    return put(Payload.ofText(value));
  }

  /// As [#put(Payload)].
  public CompletableFuture<Receipt> putAsync(Payload value) {
    return place.mutate(new Mutation.Put(value)).thenApply(Reply::receipt);
  }

  /// As [#putText].
  public CompletableFuture<Receipt> putTextAsync(String value) {
    return putAsync(Payload.ofText(value));
  }

  private static Optional<Payload> value(Reply reply) {
    return switch (Place.view(reply)) {
      case View.Bytes view -> Optional.of(view.value());
      case View.Missing missing -> Optional.empty();
      case View other -> throw Place.unexpected(other);
    };
  }
}
