package dev.trellis.node;

import dev.trellis.node.config.ListenConfig;
import dev.trellis.node.config.NodeConfig;
import dev.trellis.process.AdminServer;
import dev.trellis.process.Health;
import dev.trellis.process.ListenGuard;
import dev.trellis.process.Protection;
import dev.trellis.process.RunningProcess;
import io.prometheus.client.CollectorRegistry;
import io.prometheus.client.hotspot.StandardExports;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A node whose process goes on when the node has left its cluster, until it is told to stop: for
/// whoever starts again what has ended, as Kubernetes does. Then it serves nothing but the admin
/// port, and a file that it has written keeps those that are started after it from being a member
/// again.
final class StayingNode implements RunningProcess {
  private static final Logger LOG = LoggerFactory.getLogger(StayingNode.class);

  private final String nodeId;
  private final String clusterName;
  private final ListenConfig listen;
  private final Path file;
  private final CompletableFuture<Throwable> failure = new CompletableFuture<>();

  // One of them is there until this is closed. Guarded by this.
  private @Nullable TrellisNode node;
  private @Nullable AdminServer admin;

  private StayingNode(NodeConfig config, Path file) {
    this.nodeId = config.nodeId();
    this.clusterName = config.clusterName();
    this.listen = config.listen();
    this.file = file;
  }

  /// Starts the node, unless the file says that it has left.
  ///
  /// @param file as `leave.file` names it
  /// @throws dev.trellis.process.StartupException as [TrellisNode#start(NodeConfig)]
  static StayingNode start(NodeConfig config, Path file) {
    StayingNode staying = new StayingNode(config, file);
    synchronized (staying) {
      if (Files.exists(file)) {
        staying.stay(config.listen().adminPort());
      } else {
        TrellisNode node = TrellisNode.start(config);
        staying.node = node;
        var _ = node.failure().thenAccept(staying.failure::complete);
        var _ = node.finished().thenRunAsync(staying::left, Thread.ofVirtual()::start);
      }
    }
    return staying;
  }

  private synchronized void left() {
    TrellisNode leaving = node;
    if (leaving == null) {
      return; // closed
    }
    try {
      Files.writeString(file, nodeId + "\n");
    } catch (IOException e) {
      LOG.warn("leave.file {} can't be written: started again, the node would join again", file, e);
    }
    int adminPort = leaving.descriptor().adminPort();
    leaving.close();
    node = null;
    try {
      stay(adminPort);
    } catch (RuntimeException problem) {
      failure.complete(problem);
    }
  }

  private void stay(int adminPort) {
    CollectorRegistry registry = new CollectorRegistry();
    new StandardExports().register(registry);
    admin =
        AdminServer.start(
            new InetSocketAddress(
                ListenGuard.resolve("bind", listen.bind(), listen.security()), adminPort),
            "node " + nodeId,
            registry,
            new Health() {
              @Override
              public Optional<String> sickness() {
                return Optional.empty();
              }

              @Override
              public Optional<String> unreadiness() {
                return Optional.of(reason());
              }
            },
            // It hears no more of principals: of keys, those of its own secrets are known.
            listen
                .secrets()
                .map(
                    secrets ->
                        Protection.of(
                            secrets, clusterName, "node " + nodeId, InstantSource.system())));
    LOG.info("{}", reason());
  }

  private String reason() {
    return "node "
        + nodeId
        + " has left its cluster, as "
        + file
        + " says, and waits to be stopped";
  }

  /// The node; empty once it has left.
  synchronized Optional<TrellisNode> node() {
    return Optional.ofNullable(node);
  }

  /// The port of `/readyz`, which tells whether the node has left.
  synchronized int adminPort() {
    if (node != null) {
      return node.descriptor().adminPort();
    }
    return admin == null ? 0 : admin.port();
  }

  @Override
  public CompletableFuture<Throwable> failure() {
    return failure;
  }

  @Override
  public synchronized void close() {
    if (node != null) {
      node.close();
      node = null;
    }
    if (admin != null) {
      admin.close();
      admin = null;
    }
  }
}
