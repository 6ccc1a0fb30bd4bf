package dev.trellis.client;

import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.util.Collections;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;

/// A `map`: fields by name, each a value of a kind of its own, maps included. Fields are reached by
/// the same handles as keys: `map("profile").counter("visits").add(1)`.
public final class MapHandle extends ExpirableHandle<MapHandle> implements Handles {
  MapHandle(Place place) {
    super(place);
  }

  @Override
  MapHandle at(Place other) {
    return new MapHandle(other);
  }

  @Override
  Read existence() {
    return new Read.Size(Kind.MAP);
  }

  /// Where a field of this map is.
  @Override
  public Place place(Payload field) {
    return place.field(field);
  }

  /// The fields that are there, by name; none if the map is missing.
  public SortedMap<Payload, View.Field> fields() {
    return Blocking.await(fieldsAsync());
  }

  /// As [#fields].
  public CompletableFuture<SortedMap<Payload, View.Field>> fieldsAsync() {
    return place.read(new Read.Get(Optional.of(Kind.MAP))).thenApply(MapHandle::fields);
  }

  /// How many fields there are; 0 if the map is missing.
  public long size() {
    return Blocking.await(sizeAsync());
  }

  /// As [#size].
  public CompletableFuture<Long> sizeAsync() {
    return place.read(new Read.Size(Kind.MAP)).thenApply(CounterHandle::whole);
  }

  /// Removes a field, whatever its kind is.
  ///
  /// @return whether it was there
  public boolean remove(Payload field) {
    return Blocking.await(removeAsync(field));
  }

  /// Removes a field, whatever its kind is.
  ///
  /// @return whether it was there
  public boolean remove(String field) {
    return remove(Payload.ofText(field));
  }

  /// As [#remove(Payload)].
  public CompletableFuture<Boolean> removeAsync(Payload field) {
    return place(field).mutate(new Mutation.Delete()).thenApply(reply -> Place.changed(reply) > 0);
  }

  private static SortedMap<Payload, View.Field> fields(Reply reply) {
    return switch (Place.view(reply)) {
      case View.Fields view -> view.fields();
      case View.Missing missing -> Collections.unmodifiableSortedMap(new TreeMap<>());
      case View other -> throw Place.unexpected(other);
    };
  }
}
