package dev.trellis.monitor.console;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;

/// Shows the page over a made-up cluster, whose afternoon goes on while it is looked at. For those
/// who work on the page.
final class ConsoleDemo {
  private ConsoleDemo() {}

  /// Runs until it is ended.
  ///
  /// @param arguments the port, 7490 if left out; then any of `dry-run`, `standby`, `stale`,
  ///   `empty` and `silent`, to see the page that way
  public static void main(String[] arguments) throws InterruptedException {
    int port = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 7490;
    FakeCluster cluster = new FakeCluster();
    ConsoleHistory history = cluster.history();
    cluster.run();
    List<String> ways = List.of(arguments);
    cluster.isDryRun = ways.contains("dry-run");
    cluster.isLeader = !ways.contains("standby");
    cluster.ageMillis = ways.contains("stale") ? 90_000 : 0;
    cluster.isEmpty = ways.contains("empty");
    cluster.isSilent = ways.contains("silent");
    try (Console console =
        Console.start(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), port),
            cluster,
            history,
            ConsoleConfig.DEFAULT,
            cluster.clock())) {
      System.out.println("http://127.0.0.1:" + console.port() + "/");
      Thread.currentThread().join();
    }
  }
}
