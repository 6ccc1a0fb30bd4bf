package dev.trellis.client;

import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Mutation.ScoredMember;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/// A `sortedset`: members ranked by score, then by bytes. Of concurrent changes to one member, the
/// later stays.
public final class SortedSetHandle extends ExpirableHandle<SortedSetHandle> {
  SortedSetHandle(Place place) {
    super(place);
  }

  @Override
  SortedSetHandle at(Place other) {
    return new SortedSetHandle(other);
  }

  @Override
  Read existence() {
    return new Read.Size(Kind.SORTEDSET);
  }

  /// Adds members or gives them new scores; at least one.
  ///
  /// @return how many members were new or got another score
  public long add(Collection<ScoredMember> members) {
    return Blocking.await(addAsync(members));
  }

  /// Adds a member or gives it a new score.
  ///
  /// @param score any double but NaN
  /// @return whether it was new or got another score
  public boolean add(String member, double score) {
    return add(List.of(new ScoredMember(Payload.ofText(member), score))) > 0;
  }

  /// As [#add(Collection)].
  public CompletableFuture<Long> addAsync(Collection<ScoredMember> members) {
    return place.mutate(new Mutation.AddScored(List.copyOf(members))).thenApply(Place::changed);
  }

  /// Removes members, at least one.
  ///
  /// @return how many were there
  public long remove(Collection<Payload> members) {
    return Blocking.await(removeAsync(members));
  }

  /// Removes members, at least one.
  ///
  /// @return how many were there
  public long remove(String... members) {
    return remove(ElementsHandle.payloads(members));
  }

  /// As [#remove(Collection)].
  public CompletableFuture<Long> removeAsync(Collection<Payload> members) {
    return place.mutate(new Mutation.RemoveMembers(List.copyOf(members))).thenApply(Place::changed);
  }

  public boolean contains(Payload member) {
    return Blocking.await(containsAsync(member));
  }

  public boolean contains(String member) {
    return contains(Payload.ofText(member));
  }

  /// As [#contains(Payload)].
  public CompletableFuture<Boolean> containsAsync(Payload member) {
    return place
        .read(new Read.Contains(Kind.SORTEDSET, List.of(member)))
        .thenApply(
            reply ->
                switch (Place.view(reply)) {
                  case View.Elements view -> !view.elements().isEmpty();
                  case View.Missing missing -> false;
                  case View other -> throw Place.unexpected(other);
                });
  }

  /// How many members there are; 0 if the set is missing.
  public long size() {
    return Blocking.await(sizeAsync());
  }

  /// As [#size].
  public CompletableFuture<Long> sizeAsync() {
    return place.read(new Read.Size(Kind.SORTEDSET)).thenApply(CounterHandle::whole);
  }

  /// The members with scores from `min` to `max`, both inclusive.
  ///
  /// @param limit at most this many, 1 or more
  /// @param descending greatest first; `limit` then takes the greatest
  public List<ScoredMember> range(double min, double max, int limit, boolean descending) {
    return Blocking.await(rangeAsync(min, max, limit, descending));
  }

  /// As [#range].
  public CompletableFuture<List<ScoredMember>> rangeAsync(
      double min, double max, int limit, boolean descending) {
    return scores(new Read.Scores(min, max, limit, descending));
  }

  /// The `n` members with the greatest scores, greatest first; `n` is 1 or more.
  public List<ScoredMember> top(int n) {
    return Blocking.await(topAsync(n));
  }

  /// As [#top].
  public CompletableFuture<List<ScoredMember>> topAsync(int n) {
    return scores(Read.Scores.top(n));
  }

  private CompletableFuture<List<ScoredMember>> scores(Read.Scores read) {
    return place.read(read).thenApply(SortedSetHandle::members);
  }

  private static List<ScoredMember> members(Reply reply) {
    return switch (Place.view(reply)) {
      case View.Scored view -> view.members();
      case View.Missing missing -> List.of();
      case View other -> throw Place.unexpected(other);
    };
  }
}
