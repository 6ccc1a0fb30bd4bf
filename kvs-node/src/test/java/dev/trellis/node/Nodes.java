package dev.trellis.node;

import static org.junit.jupiter.api.Assertions.fail;

import dev.trellis.node.config.NodeConfig;
import dev.trellis.process.StrictConfig;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;

/// Nodes for tests, on free ports.
public final class Nodes {
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);

  private Nodes() {}

  /// Starts node `n1` of one shard, unless the settings say otherwise.
  ///
  /// @param settings in HOCON, in addition to those that all test nodes have
  public static TrellisNode start(String settings) {
    return TrellisNode.start(config(settings));
  }

  public static NodeConfig config(String settings) {
    return NodeConfig.of(
        StrictConfig.ofText(
            NodeConfig.reference(),
            // The skew is what a busy machine may keep a request of a test waiting.
            "node.id = n1, data.ports = 0, admin.port = 0, clock.skew.max = 1m\n" + settings,
            Map.of()));
  }

  /// Asks until the answer is what is wanted, and returns it.
  static <T> T await(Callable<T> question, Predicate<T> wanted, String what) throws Exception {
    long deadline = System.nanoTime() + PATIENCE_NANOS;
    while (true) {
      T answer = question.call();
      if (wanted.test(answer)) {
        return answer;
      }
      if (System.nanoTime() > deadline) {
        fail("wanted " + what + " but have " + answer);
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
    }
  }
}
