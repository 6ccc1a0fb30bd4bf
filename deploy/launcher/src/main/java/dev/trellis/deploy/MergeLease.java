package dev.trellis.deploy;

import dev.trellis.cli.CommandFailure;
import dev.trellis.wire.NodeDescriptor;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/// Keeps the nodes of a cluster open for entries as they stand, as long as somebody restores: each
/// closes by itself if it is not told again, so that none stays open when this process is lost.
final class MergeLease implements AutoCloseable {
  private static final Duration LEASE = Duration.ofSeconds(30);
  private static final long RENEW_SECONDS = 10;

  private final Control control;
  private final Supplier<List<NodeDescriptor>> nodes;
  private final ScheduledExecutorService thread;

  private MergeLease(Control control, Supplier<List<NodeDescriptor>> nodes) {
    this.control = control;
    this.nodes = nodes;
    this.thread =
        Executors.newSingleThreadScheduledExecutor(
            work -> Thread.ofPlatform().daemon().name("merge-lease").unstarted(work));
  }

  /// Opens all nodes.
  ///
  /// @param nodes of the cluster as it is known at the time; it may change
  /// @throws CommandFailure if one has no control port or does not answer
  static MergeLease open(Control control, Supplier<List<NodeDescriptor>> nodes) {
    MergeLease lease = new MergeLease(control, nodes);
    try {
      nodes.get().forEach(node -> lease.tell(node, LEASE));
    } catch (RuntimeException e) {
      lease.thread.shutdownNow();
      throw e;
    }
    var _ =
        lease.thread.scheduleWithFixedDelay(
            lease::renew, RENEW_SECONDS, RENEW_SECONDS, TimeUnit.SECONDS);
    return lease;
  }

  private void tell(NodeDescriptor node, Duration lease) {
    control.order(node, client -> client.admitMerges(lease));
  }

  /// Opens those that can be reached once more, and such that came since. That others can't shows
  /// in what they answer to a merge.
  void renew() {
    tellAll(LEASE);
  }

  private void tellAll(Duration lease) {
    for (NodeDescriptor node : nodes.get()) {
      try {
        tell(node, lease);
      } catch (CommandFailure unreachable) {
        // It has ended, or its lease will.
      }
    }
  }

  /// Closes all nodes again.
  @Override
  public void close() {
    thread.shutdownNow();
    tellAll(Duration.ZERO);
  }
}
