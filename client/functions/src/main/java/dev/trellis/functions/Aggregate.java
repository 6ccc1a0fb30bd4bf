package dev.trellis.functions;

import dev.trellis.client.Calls;
import dev.trellis.client.Handles;
import dev.trellis.client.Place;
import dev.trellis.client.SortedSetHandle;
import dev.trellis.client.Trellis;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation.ScoredMember;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/// A figure to which many contribute, each its own, and that anybody reads at any time: what the
/// store's gossip brings together, nobody has to gather. A contribution replaces the contributor's
/// former one, so it needs no tag.
///
/// Kept as one `sortedset`, contributor → figure. Good for some thousands of contributors; more are
/// better spread over several names.
///
/// Immutable, and safe for any thread.
public final class Aggregate {
  private static final String PREFIX = "_trellis/aggregate/";

  private final SortedSetHandle figures;

  Aggregate(Calls calls, String name) {
    Handles handles = key -> Place.of(calls, key);
    this.figures = handles.sortedSet(Payload.ofText(PREFIX + name));
  }

  /// What all contributions come to.
  ///
  /// @param count of contributors
  /// @param sum of their figures
  /// @param min the least; positive infinity if there is none
  /// @param max the greatest; negative infinity if there is none
  public record Summary(long count, double sum, double min, double max) {
    /// The mean; NaN if there is none.
    public double mean() {
      return sum / count;
    }
  }

  /// Contributes a figure in place of the former one.
  ///
  /// @param contributor whoever contributes, by a name of his own
  /// @param figure any double but NaN
  public void contribute(String contributor, double figure) {
    Trellis.await(contributeAsync(contributor, figure));
  }

  /// As [#contribute].
  public CompletableFuture<@Nullable Void> contributeAsync(String contributor, double figure) {
    ScoredMember member = new ScoredMember(Payload.ofText(contributor), figure);
    return figures.addAsync(List.of(member)).thenApply(added -> null);
  }

  /// Takes a contribution back.
  public void withdraw(String contributor) {
    figures.remove(contributor);
  }

  /// What the contributions come to that the replica asked has heard of.
  public Summary summary() {
    return Trellis.await(summaryAsync());
  }

  /// As [#summary].
  public CompletableFuture<Summary> summaryAsync() {
    return figures
        .rangeAsync(Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY, Integer.MAX_VALUE, false)
        .thenApply(Aggregate::summary);
  }

  private static Summary summary(List<ScoredMember> members) {
    double sum = 0;
    double min = Double.POSITIVE_INFINITY;
    double max = Double.NEGATIVE_INFINITY;
    for (ScoredMember member : members) {
      sum += member.score();
      min = Math.min(min, member.score());
      max = Math.max(max, member.score());
    }
    return new Summary(members.size(), sum, min, max);
  }
}
