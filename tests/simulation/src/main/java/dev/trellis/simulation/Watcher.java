package dev.trellis.simulation;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import dev.trellis.wire.View;
import java.util.Optional;

/// Watches one key at one life of one shard. What it is promised: the present state first, each
/// last state in the end, nothing after the refusal that ends it, and never that a key is missing
/// which does not end.
final class Watcher {
  private final Payload key;
  private final SimulatedShard shard;
  private final SimulatedCluster cluster;
  private Optional<View> last = Optional.empty();
  private boolean ended;

  private Watcher(Payload key, SimulatedShard shard, SimulatedCluster cluster) {
    this.key = key;
    this.shard = shard;
    this.cluster = cluster;
  }

  static Watcher start(Payload key, SimulatedShard shard, SimulatedCluster cluster) {
    Watcher watcher = new Watcher(key, shard, cluster);
    shard.watch(cluster.newOrigin(), key, watcher::told);
    return watcher;
  }

  private void told(Reply reply) {
    cluster.trace().tell(() -> "watcher of " + key + " at " + shard + " <- " + reply.outcome());
    cluster.tally().watchesTold++;
    if (ended) {
      cluster.violated("a watch of " + key + " that had ended is told " + reply);
      return;
    }
    switch (reply.outcome()) {
      case Outcome.Failed failed -> ended = true;
      case Outcome.Done done -> {
        boolean forgotten =
            done.view() instanceof View.Missing
                && Workload.lasts(key)
                && last.filter(view -> !(view instanceof View.Missing)).isPresent();
        if (forgotten) {
          cluster.violated("a watch of " + key + " at " + shard + " shows it, and then misses it");
        }
        last = Optional.of(done.view());
      }
    }
  }

  /// Compares what was told last with what the shard shows now that nothing changes any more.
  void check() {
    if (ended || !shard.node().isRunning()) {
      return;
    }
    RequestContext context = RequestContext.READ;
    shard.handle(
        cluster.newOrigin(),
        new Request(1, key, Read.Get.ANY, context),
        reply -> {
          boolean same =
              switch (reply.outcome()) {
                case Outcome.Done done -> last.filter(done.view()::equals).isPresent();
                case Outcome.Failed failed -> false;
              };
          if (!same) {
            cluster.violated(
                "a watch of "
                    + key
                    + " at "
                    + shard
                    + " was told "
                    + last
                    + " at last, but "
                    + reply);
          }
        });
  }
}
