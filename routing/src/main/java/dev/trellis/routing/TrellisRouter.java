package dev.trellis.routing;

import dev.trellis.client.AccessFeed;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.ClientTls;
import dev.trellis.client.Trellis;
import dev.trellis.lattice.Payload;
import dev.trellis.process.AdminServer;
import dev.trellis.process.Health;
import dev.trellis.process.Protection;
import dev.trellis.process.RunningProcess;
import dev.trellis.process.Secrets;
import dev.trellis.process.SessionKeys;
import dev.trellis.process.StartupException;
import dev.trellis.routing.gateway.Gateway;
import dev.trellis.routing.lookup.Lookup;
import dev.trellis.wire.NodeDescriptor;
import io.prometheus.client.CollectorRegistry;
import io.prometheus.client.hotspot.BufferPoolsExports;
import io.prometheus.client.hotspot.GarbageCollectorExports;
import io.prometheus.client.hotspot.MemoryPoolsExports;
import io.prometheus.client.hotspot.StandardExports;
import io.prometheus.client.hotspot.ThreadExports;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A router at work, be it a process of its own or part of a program: the cluster map on the data
/// protocol, and the REST gateway, which is a client of that map like any other.
public final class TrellisRouter implements RunningProcess {
  private static final Logger LOG = LoggerFactory.getLogger(TrellisRouter.class);

  private final Deque<AutoCloseable> parts; // the first to close is first
  private final Lookup lookup;
  private final Gateway gateway;
  private final AdminServer admin;
  private final CompletableFuture<Throwable> failure = new CompletableFuture<>();

  private TrellisRouter(
      Deque<AutoCloseable> parts, Lookup lookup, Gateway gateway, AdminServer admin) {
    this.parts = parts;
    this.lookup = lookup;
    this.gateway = gateway;
    this.admin = admin;
  }

  /// Starts a router and returns when it listens. It need not have found a node yet.
  ///
  /// @throws StartupException if a port cannot be opened
  public static TrellisRouter start(RouterConfig config) {
    CollectorRegistry registry = new CollectorRegistry();
    Deque<AutoCloseable> parts = new ArrayDeque<>();
    Optional<Protection> protection =
        config
            .secrets()
            .map(
                secrets ->
                    Protection.of(
                        secrets,
                        config.lookup().clusterName(),
                        "router " + config.lookup().routerId(),
                        InstantSource.system()));
    try {
      Lookup lookup = Lookup.start(config.lookup(), protection, registry);
      parts.push(lookup);
      ClientConfig client = clientConfig(config, protection, lookup);
      protection.ifPresent(
          known -> parts.push(AccessFeed.connecting(client, known.doorkeeper()::heard)));
      Gateway gateway = gateway(config, client, lookup, protection, registry, parts);
      AdminServer admin =
          AdminServer.start(
              config.admin(),
              "router " + config.lookup().routerId(),
              withJvm(registry),
              health(config, lookup, protection),
              protection);
      parts.push(admin);
      LOG.info(
          "router {} of cluster {} serves the cluster map on port {}, HTTP on port {}, admin port"
              + " {}",
          config.lookup().routerId(),
          config.lookup().clusterName(),
          lookup.address().getPort(),
          gateway.address().getPort(),
          admin.port());
      return new TrellisRouter(parts, lookup, gateway, admin);
    } catch (RuntimeException | Error e) {
      close(parts);
      throw e;
    }
  }

  /// Where clients ask for the cluster map.
  public InetSocketAddress dataAddress() {
    return lookup.address();
  }

  /// Where HTTP is spoken.
  public InetSocketAddress gatewayAddress() {
    return gateway.address();
  }

  public int adminPort() {
    return admin.port();
  }

  @Override
  public CompletableFuture<Throwable> failure() {
    return failure;
  }

  /// Stops accepting, answers the requests that have arrived for at most the configured time, and
  /// lets go of the ports.
  @Override
  public void close() {
    close(parts);
  }

  /// Where security is on, each API key has a client of its own; else there is one for everybody.
  private static Gateway gateway(
      RouterConfig config,
      ClientConfig client,
      Lookup lookup,
      Optional<Protection> protection,
      CollectorRegistry registry,
      Deque<AutoCloseable> parts) {
    Gateway gateway;
    if (protection.isPresent()) {
      // Without the router's own certificate: what a key may not do, its client must not do.
      ClientTls tls = ClientTls.trusting(protection.get().secrets().file(Secrets.AUTHORITIES));
      ClientConfig keyed = client.withTls(tls).withEventLoopThreads(1);
      gateway =
          Gateway.start(
              config.gateway(),
              protection.get(),
              credentials -> Trellis.connect(keyed.withCredentials(credentials)),
              lookup::map,
              registry);
    } else {
      Trellis trellis = Trellis.connect(client);
      parts.push(trellis);
      gateway = Gateway.start(config.gateway(), trellis, lookup::map, registry);
    }
    parts.push(gateway);
    return gateway;
  }

  private static ClientConfig clientConfig(
      RouterConfig config, Optional<Protection> protection, Lookup lookup) {
    InetAddress bound = lookup.address().getAddress();
    String host =
        bound.isAnyLocalAddress()
            ? InetAddress.getLoopbackAddress().getHostAddress()
            : bound.getHostAddress();
    ClientConfig plain =
        ClientConfig.of(
                (host.indexOf(':') >= 0 ? "[" + host + "]" : host)
                    + ":"
                    + lookup.address().getPort())
            .withClusterName(config.lookup().clusterName())
            .withTimeout(config.callTimeout())
            .withMapRefresh(config.lookup().period())
            .withSessionKeys(sessionKeys(config))
            .withAgent("trellis-gateway " + config.lookup().routerId());
    return protection
        .map(known -> plain.withTls(ClientTls.using(known.tls()::client)))
        .orElse(plain);
  }

  private static Supplier<List<Payload>> sessionKeys(RouterConfig config) {
    if (config.secrets().isPresent()) {
      return SessionKeys.of(config.secrets().get());
    }
    List<Payload> keys = config.sessionKey().isEmpty() ? List.of() : List.of(config.sessionKey());
    return () -> keys;
  }

  private static CollectorRegistry withJvm(CollectorRegistry registry) {
    new StandardExports().register(registry);
    new MemoryPoolsExports().register(registry);
    new BufferPoolsExports().register(registry);
    new GarbageCollectorExports().register(registry);
    new ThreadExports().register(registry);
    return registry;
  }

  private static Health health(
      RouterConfig config, Lookup lookup, Optional<Protection> protection) {
    return new Health() {
      @Override
      public Optional<String> sickness() {
        return Optional.empty();
      }

      @Override
      public Optional<String> unreadiness() {
        if (lookup.isHearing()) {
          return protection.flatMap(known -> known.doorkeeper().unreadiness());
        }
        List<String> known = lookup.map().nodes().stream().map(NodeDescriptor::id).toList();
        return Optional.of(
            "none of the nodes answers: "
                + config.lookup().nodes()
                + (known.isEmpty() ? "" : ", and none of the members " + known));
      }
    };
  }

  private static void close(Deque<AutoCloseable> parts) {
    while (!parts.isEmpty()) {
      AutoCloseable part = parts.pop();
      try {
        part.close();
      } catch (Exception e) {
        LOG.error("{} does not close in order", part, e);
      }
    }
  }
}
