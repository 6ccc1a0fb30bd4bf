package dev.trellis.node.control;

import dev.trellis.node.config.ClusterConfig;
import dev.trellis.node.config.NodeConfig;
import dev.trellis.node.membership.Lifecycle;
import dev.trellis.node.membership.Membership;
import dev.trellis.process.AuditLog;
import dev.trellis.process.ConfigurationException;
import dev.trellis.process.Protection;
import dev.trellis.process.StartupException;
import dev.trellis.wire.NodeDescriptor;
import io.prometheus.client.Collector;
import java.net.InetAddress;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/// The control plane of a node: its port, its membership, the orders it takes. A node without a
/// control port has neither port nor orders, and is its only member.
public final class ControlPlane implements AutoCloseable {
  private final NodeConfig config;
  private final InstantSource clock;
  private final Optional<AuditLog> audit;
  private final ControlTallies tallies = new ControlTallies();
  private final Optional<ControlSocket> socket;
  private volatile @Nullable Membership membership; // set once it has joined

  private ControlPlane(
      NodeConfig config,
      InetAddress address,
      InstantSource clock,
      Optional<Protection> protection) {
    this.config = config;
    this.clock = clock;
    this.audit = protection.map(Protection::audit);
    this.socket =
        config
            .cluster()
            .controlPort()
            .map(
                port ->
                    ControlSocket.bind(
                        address,
                        port,
                        config.nodeId(),
                        tallies,
                        Resolver.SYSTEM,
                        protection.map(ControlProtection::of)));
  }

  /// Takes the port.
  ///
  /// @param protection there if security is on
  /// @throws StartupException if it cannot be opened
  /// @throws ConfigurationException if it is to be protected and the CURVE keys are not there
  public static ControlPlane bind(
      NodeConfig config,
      InetAddress address,
      InstantSource clock,
      Optional<Protection> protection) {
    return new ControlPlane(config, address, clock, protection);
  }

  /// The port taken; 0 if the node stands alone.
  public int port() {
    return socket.map(ControlSocket::port).orElse(0);
  }

  /// Starts to look for other members, and to take orders.
  ///
  /// @param self with the port taken
  /// @param file where to remember it from one start to the next
  public Membership join(NodeDescriptor self, NodeOrders node, Optional<MemberFile> file) {
    ClusterConfig cluster = config.cluster();
    Membership joined =
        socket
            .<Membership>map(
                open ->
                    ClusterMembership.start(
                        new ClusterMembership.Settings(
                            config.clusterName(),
                            cluster,
                            config.clockSkewMax(),
                            clock,
                            Envelope.VERSION,
                            Resolver.SYSTEM,
                            _ -> true,
                            file,
                            audit),
                        open,
                        tallies,
                        self,
                        membership ->
                            new Orders(membership, config.clusterName(), self, node)::carryOut))
            .orElseGet(() -> new StandAloneMembership(self, cluster.faultTolerance()));
    membership = joined;
    return joined;
  }

  /// What the node does about its membership.
  ///
  /// @param former incarnations whose data the node has
  public Lifecycle lifecycle(NodeDescriptor self, List<Long> former) {
    int founders =
        socket.isEmpty() ? 1 : config.cluster().founders(ClusterMembership.address(self));
    return new Lifecycle(self.id(), self.incarnation(), former, founders);
  }

  /// Why the node is no member in full; empty if it is.
  public Optional<String> unreadiness() {
    if (!(membership instanceof ClusterMembership cluster)) {
      return membership == null ? Optional.of("the node starts") : Optional.empty();
    }
    return cluster.isJoining() ? Optional.of(cluster.waitsFor()) : Optional.empty();
  }

  /// Completes, with the reason, if the node cannot become or remain a member.
  public CompletableFuture<Throwable> failure() {
    return membership instanceof ClusterMembership cluster
        ? cluster.failure()
        : new CompletableFuture<>();
  }

  /// What the node sees of the cluster, for Prometheus; nothing before it has joined.
  public Collector metrics() {
    return new Collector() {
      @Override
      public List<MetricFamilySamples> collect() {
        Membership joined = membership;
        return joined == null ? List.of() : new ControlMetrics(joined, tallies).collect();
      }
    };
  }

  /// Ends without a word to the other members.
  @Override
  public void close() {
    Membership joined = membership;
    if (joined == null) {
      socket.ifPresent(ControlSocket::close);
    } else {
      joined.close(); // and the socket with it
    }
  }
}
