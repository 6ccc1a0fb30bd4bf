package dev.trellis.simulation;

import dev.trellis.execution.Refusal;
import dev.trellis.execution.ThresholdReader;
import dev.trellis.lattice.Counter;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Flag;
import dev.trellis.lattice.GrowSet;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.MaxRegister;
import dev.trellis.lattice.MinRegister;
import dev.trellis.lattice.OrderedSet;
import dev.trellis.lattice.Payload;
import dev.trellis.lattice.Value;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import dev.trellis.wire.Threshold;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/// Waits for a threshold at one life of one shard. What it is promised: one answer, by its
/// deadline; and if that is that it was reached, that it is so in the end too, unless that life of
/// the key is over. [SimulatedShard] sees to the one answer.
final class Awaiter {
  private static final long TIMEOUT_MILLIS_MAX = 3_000;

  private final Payload key;
  private final Threshold threshold;
  private final SimulatedShard shard;
  private final SimulatedCluster cluster;
  private @Nullable Reply reached;

  private Awaiter(
      Payload key, Threshold threshold, SimulatedShard shard, SimulatedCluster cluster) {
    this.key = key;
    this.threshold = threshold;
    this.shard = shard;
    this.cluster = cluster;
  }

  /// Begins to wait for a little more than there is.
  static Awaiter start(
      Payload key,
      Entry seen,
      SimulatedShard shard,
      SimulatedCluster cluster,
      RandomGenerator random) {
    Awaiter awaiter = new Awaiter(key, threshold(seen, random), shard, cluster);
    RequestContext read = RequestContext.READ;
    RequestContext context =
        new RequestContext(
            0,
            false,
            read.timestamp(),
            read.generation(),
            read.acknowledgement(),
            read.read(),
            0,
            random.nextLong(1, TIMEOUT_MILLIS_MAX),
            0);
    Request request = new Request(1, key, new Read.Await(awaiter.threshold), context);
    shard.handle(cluster.newOrigin(), request, awaiter::told);
    return awaiter;
  }

  Payload key() {
    return key;
  }

  private static Threshold threshold(Entry seen, RandomGenerator random) {
    for (Value<?> value : seen.values()) {
      Optional<Threshold> threshold =
          switch (value) {
            case MaxRegister max ->
                Optional.of(new Threshold.AtLeast(Kind.MAX, max.value() + random.nextInt(3)));
            case MinRegister min ->
                Optional.of(new Threshold.AtMost(Kind.MIN, min.value() - random.nextInt(3)));
            case Counter counter ->
                Optional.of(
                    new Threshold.AtLeast(Kind.COUNTER, counter.increments() + random.nextInt(4)));
            case Flag flag -> Optional.of(new Threshold.Enabled(Kind.FLAG));
            case GrowSet set when set.size() > 0 ->
                Optional.of(
                    new Threshold.Contains(Kind.GSET, List.of(set.elements().iterator().next())));
            case OrderedSet set when set.size() > 0 ->
                Optional.of(
                    new Threshold.Contains(Kind.OSET, List.of(set.elements().iterator().next())));
            default -> Optional.empty();
          };
      if (threshold.isPresent()) {
        return threshold.get();
      }
    }
    return new Threshold.Seen(Optional.empty(), Optional.empty());
  }

  private void told(Reply reply) {
    cluster
        .trace()
        .tell(() -> "wait for " + threshold + " of " + key + " at " + shard + " <- " + reply);
    switch (reply.outcome()) {
      case Outcome.Done done -> {
        cluster.tally().thresholdsReached++;
        reached = reply;
      }
      case Outcome.Failed failed -> {
        if (failed.code() == ErrorCode.NOT_REACHED) {
          cluster.tally().thresholdsNotReached++;
        }
      }
    }
  }

  /// Compares what was told with what all replicas have in the end.
  void check(Entry last) {
    Reply told = reached;
    if (told == null
        || threshold instanceof Threshold.Seen
        || !Workload.lasts(key) // once it has ended and is forgotten, generations begin again
        || !told.generation().equals(last.generation())) {
      return;
    }
    boolean still;
    try {
      still =
          ThresholdReader.read(last, threshold, 0, "key " + key).isPresent(); // before any expiry
    } catch (Refusal refusal) {
      still = false;
    }
    if (!still) {
      cluster.violated(
          "who waited for "
              + threshold
              + " of "
              + key
              + " at "
              + shard
              + " was told "
              + told
              + ", and in the end there is "
              + last);
    }
  }
}
