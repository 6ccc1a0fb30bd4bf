package dev.trellis.client;

import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Threshold;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/// What the handles on the three kinds of sets have in common. Elements come in byte order, which
/// for text is the order of code points.
abstract class ElementsHandle<H extends ElementsHandle<H>> extends ExpirableHandle<H> {
  private final Kind kind;

  ElementsHandle(Place place, Kind kind) {
    super(place);
    this.kind = kind;
  }

  @Override
  Read existence() {
    return new Read.Size(kind);
  }

  /// Adds elements, at least one.
  ///
  /// @return how many were new
  public long add(Collection<Payload> elements) {
    return Blocking.await(addAsync(elements));
  }

  /// Adds texts, at least one.
  ///
  /// @return how many were new
  public long add(String... elements) {
    return add(payloads(elements));
  }

  /// As [#add(Collection)].
  public CompletableFuture<Long> addAsync(Collection<Payload> elements) {
    return place.mutate(new Mutation.Add(kind, List.copyOf(elements))).thenApply(Place::changed);
  }

  /// As [#add(String...)].
  public CompletableFuture<Long> addAsync(String... elements) {
    return addAsync(payloads(elements));
  }

  public boolean contains(Payload element) {
    return Blocking.await(containsAsync(element));
  }

  public boolean contains(String element) {
    return contains(Payload.ofText(element));
  }

  /// As [#contains(Payload)].
  public CompletableFuture<Boolean> containsAsync(Payload element) {
    return which(List.of(element)).thenApply(found -> !found.isEmpty());
  }

  /// Which of the elements the set holds, ascending.
  public List<Payload> containing(Collection<Payload> elements) {
    return Blocking.await(containingAsync(elements));
  }

  /// As [#containing].
  public CompletableFuture<List<Payload>> containingAsync(Collection<Payload> elements) {
    return which(List.copyOf(elements));
  }

  private CompletableFuture<List<Payload>> which(List<Payload> elements) {
    return place.read(new Read.Contains(kind, elements)).thenApply(ElementsHandle::elements);
  }

  /// How many elements there are; 0 if the set is missing.
  public long size() {
    return Blocking.await(sizeAsync());
  }

  /// As [#size].
  public CompletableFuture<Long> sizeAsync() {
    return place.read(new Read.Size(kind)).thenApply(CounterHandle::whole);
  }

  /// All elements, ascending; none if the set is missing.
  public List<Payload> elements() {
    return Blocking.await(elementsAsync());
  }

  /// As [#elements].
  public CompletableFuture<List<Payload>> elementsAsync() {
    return place.read(new Read.Get(Optional.of(kind))).thenApply(ElementsHandle::elements);
  }

  /// All elements as text, ascending.
  public List<String> texts() {
    return Blocking.await(textsAsync());
  }

  /// As [#texts].
  public CompletableFuture<List<String>> textsAsync() {
    return elementsAsync().thenApply(all -> all.stream().map(Payload::text).toList());
  }

  /// Some of the elements.
  ///
  /// @param from first wanted, inclusive; empty for the start
  /// @param to end, exclusive; empty for the end
  /// @param limit at most this many, 1 or more
  /// @param descending from the end towards the start
  public List<Payload> range(
      Optional<Payload> from, Optional<Payload> to, int limit, boolean descending) {
    return Blocking.await(rangeAsync(from, to, limit, descending));
  }

  /// As [#range].
  public CompletableFuture<List<Payload>> rangeAsync(
      Optional<Payload> from, Optional<Payload> to, int limit, boolean descending) {
    return place
        .read(new Read.Range(kind, from, to, limit, descending))
        .thenApply(ElementsHandle::elements);
  }

  CompletableFuture<Reached<List<Payload>>> awaited(Threshold threshold, Duration timeout) {
    return place
        .await(threshold, timeout)
        .thenApply(reply -> new Reached<>(reply.generation(), elements(reply)));
  }

  static List<Payload> payloads(String... texts) {
    return Arrays.stream(texts).map(Payload::ofText).toList();
  }

  private static List<Payload> elements(Reply reply) {
    return switch (Place.view(reply)) {
      case View.Elements view -> view.elements();
      case View.Missing missing -> List.of();
      case View other -> throw Place.unexpected(other);
    };
  }
}
