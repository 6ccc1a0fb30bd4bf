package dev.trellis.faults;

import dev.trellis.cli.Json;
import dev.trellis.faults.Lab.Host;
import dev.trellis.node.NodeMain;
import dev.trellis.routing.RouterMain;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/// A cluster of real processes in a [Lab]: a router and several nodes. Closing it ends them all.
///
/// Faults are for one thread at a time; [#close] and what asks may come from others.
final class FaultCluster implements AutoCloseable {
  static final Duration START_PATIENCE = Duration.ofMinutes(2);
  private static final Duration ORDER_TIMEOUT = Duration.ofSeconds(15);
  private static final int CONNECT_MILLIS = 500;
  private static final int LOG_LINES = 15;

  private final Lab lab;
  private final ClusterPlan plan;
  private final Path folder;
  private final Map<String, Server> nodes = new TreeMap<>(); // those that shall be members, by id
  private final Set<String> onDisk = new HashSet<>(); // ids of nodes that keep data there
  private final List<Server> all = new ArrayList<>(); // ever made, the router included
  private final Server router;
  private int nextNumber;

  private FaultCluster(Lab lab, ClusterPlan plan, Path folder) throws IOException {
    this.lab = lab;
    this.plan = plan;
    this.folder = folder;
    this.router = companion("router", RouterMain.class);
    for (int number = 0; number < plan.nodes(); number++) {
      Server node = newNode();
      nodes.put(node.name(), node);
      if (number >= plan.nodes() - plan.ssdNodes()) {
        onDisk.add(node.name());
      }
    }
  }

  /// Makes the hosts of a cluster, without starting anything.
  ///
  /// @param folder for its configuration and logs; made if it is not there
  static FaultCluster prepare(Lab lab, ClusterPlan plan, Path folder) throws IOException {
    Files.createDirectories(folder);
    return new FaultCluster(lab, plan, folder);
  }

  /// A process beside the nodes, with a host of its own; nothing is done to it.
  private Server companion(String name, Class<?> main) throws IOException {
    Server companion =
        new Server(
            name,
            lab.newHost(name),
            List.of(main.getName()),
            plan.heap(),
            folder,
            Optional.empty());
    all.add(companion);
    return companion;
  }

  private Server newNode() throws IOException {
    String id = "node-" + nextNumber++;
    List<String> program =
        plan.sabotage()
            .map(defect -> List.of(SabotagedNode.class.getName(), defect))
            .orElse(List.of(NodeMain.class.getName()));
    Optional<SkewedClock> clock =
        plan.skewable()
            ? Optional.of(
                SkewedClock.right(
                    SkewedClock.library().orElseThrow(), folder.resolve(id + ".clock")))
            : Optional.empty();
    Server node = new Server(id, lab.newHost(id), program, plan.heap(), folder, clock);
    synchronized (this) {
      all.add(node);
    }
    return node;
  }

  /// Starts all processes, and waits until the cluster is whole and the router knows it.
  ///
  /// @throws IOException if it does not come so far; the message says what is missing
  void start() throws IOException, InterruptedException {
    for (Server node : members()) {
      node.start(nodeSettings(node.host(), node.name(), members()));
    }
    router.start(routerSettings());
    String obstacle =
        Patience.await(
            START_PATIENCE,
            () -> {
              for (Server server : servers()) {
                if (!server.isRunning()) {
                  return server.name() + " has ended:\n" + server.endOfLog(LOG_LINES);
                }
              }
              return listens(router.host()) ? shortage() : "the router does not listen yet";
            });
    if (!obstacle.isEmpty()) {
      throw new IOException("the cluster did not become whole: " + obstacle);
    }
  }

  private static boolean listens(Host host) {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(host.address(), ServerPorts.data(host)), CONNECT_MILLIS);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private synchronized List<Server> servers() {
    return List.copyOf(all);
  }

  /// The nodes that shall be members, by id.
  synchronized List<Server> members() {
    return List.copyOf(nodes.values());
  }

  /// Where clients connect.
  String address() {
    return router.host().address() + ":" + ServerPorts.data(router.host());
  }

  Server router() {
    return router;
  }

  int shards() {
    return plan.shards();
  }

  Lab lab() {
    return lab;
  }

  /// What keeps the cluster from being whole, for people; empty if it is.
  String shortage() {
    return obstacles(false);
  }

  private String obstacles(boolean untilAtRest) {
    List<Server> members = members();
    Set<String> expected = new LinkedHashSet<>();
    List<NodeStatus> answers = new ArrayList<>();
    for (Server member : members) {
      expected.add(member.name());
      NodeStatus.ask(member.host()).ifPresent(answers::add);
    }
    List<String> obstacles = new ArrayList<>(NodeStatus.shortages(expected, answers));
    if (untilAtRest) {
      obstacles.addAll(NodeStatus.surpluses(answers));
    }
    return String.join("; ", obstacles);
  }

  /// Waits until the cluster is whole.
  ///
  /// @return what keeps it from it in the end, for people; empty if it is
  String awaitWhole(Duration patience) throws InterruptedException {
    return Patience.await(patience, this::shortage);
  }

  /// Waits until the cluster is whole, and nobody has anything left to hand over.
  ///
  /// @return what keeps it from it in the end, for people; empty if it is
  String awaitRest(Duration patience) throws InterruptedException {
    return Patience.await(patience, () -> obstacles(true));
  }

  /// Starts a node again that has ended, at its place.
  void restart(Server node) throws IOException {
    node.start(nodeSettings(node.host(), node.name(), members()));
  }

  /// Starts one more node.
  Server add() throws IOException {
    Server node = newNode();
    List<Server> seeds = new ArrayList<>(members());
    seeds.add(node);
    node.start(nodeSettings(node.host(), node.name(), seeds));
    synchronized (this) {
      nodes.put(node.name(), node);
    }
    return node;
  }

  /// Has a node hand over what it holds and leave.
  void leave(Server node) throws IOException {
    NodeStatus.control(node.host(), ORDER_TIMEOUT).leave();
    synchronized (this) {
      nodes.remove(node.name());
    }
  }

  private Map<String, String> nodeSettings(Host host, String id, List<Server> seeds) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("node.id", id);
    settings.putAll(bind(host));
    settings.put(
        "cluster.seeds",
        Json.write(
            seeds.stream()
                .map(seed -> seed.host().address() + ":" + ServerPorts.control(seed.host()))
                .toList()));
    // Who is started later must find the others, and never take itself for a cluster.
    settings.put("cluster.founders", Integer.toString(Math.max(2, seeds.size())));
    settings.put("cluster.fault-tolerance", Integer.toString(ClusterPlan.FAULT_TOLERANCE));
    settings.put("shards", Integer.toString(plan.shards()));
    settings.put("control.port", Integer.toString(ServerPorts.control(host)));
    settings.put("admin.port", Integer.toString(ServerPorts.admin(host)));
    settings.put("data.ports", Integer.toString(ServerPorts.data(host)));
    settings.put("memory.max", "40%");
    settings.put("data.folder", Json.write(folder.resolve(id).toString()));
    if (onDisk.contains(id)) {
      settings.put("node.tier", "ssd");
    }
    settings.putAll(plan.settings());
    return settings;
  }

  private Map<String, String> routerSettings() {
    Map<String, String> settings = new LinkedHashMap<>(bind(router.host()));
    settings.put(
        "cluster.nodes",
        Json.write(
            members().stream()
                .map(node -> node.host().address() + ":" + ServerPorts.data(node.host()))
                .toList()));
    settings.put("data.port", Integer.toString(ServerPorts.data(router.host())));
    settings.put("admin.port", Integer.toString(ServerPorts.admin(router.host())));
    settings.put("gateway.port", Integer.toString(ServerPorts.gateway(router.host())));
    return settings;
  }

  private static Map<String, String> bind(Host host) {
    return Server.settings("bind", Json.write(host.address()), "security", "off");
  }

  @Override
  public void close() {
    List<Server> every = servers();
    every.forEach(Server::destroy);
    boolean interrupted = false;
    for (Server server : every) {
      try {
        server.awaitEnd(START_PATIENCE);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
