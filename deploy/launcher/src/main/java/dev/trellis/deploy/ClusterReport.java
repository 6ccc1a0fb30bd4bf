package dev.trellis.deploy;

import dev.trellis.cli.Console;
import dev.trellis.cli.Json;
import dev.trellis.deploy.security.ClusterSecrets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// How a local cluster is.
///
/// @param others its processes that are no nodes: the router and the monitor
/// @param nodes those that were started here, and those that they speak of
record ClusterReport(
    ClusterState cluster, List<ServerReport> others, List<NodeReport> nodes, Wholeness wholeness) {
  ClusterReport {
    others = List.copyOf(others);
    nodes = List.copyOf(nodes);
  }

  /// Asks every process.
  static ClusterReport of(ClusterState cluster) {
    List<ServerReport> servers = ask(cluster);
    Map<String, ServerReport> processes = new LinkedHashMap<>();
    servers.stream()
        .filter(one -> one.server().isNode())
        .forEach(one -> processes.put(one.server().name(), one));
    List<NodeAnswer> answers = servers.stream().flatMap(one -> one.answer().stream()).toList();
    Set<String> ids = new LinkedHashSet<>(processes.keySet());
    for (NodeAnswer answer : answers) {
      answer.members().forEach(member -> ids.add(member.id()));
      ids.addAll(answer.absent());
    }
    // Who was told to leave, has ended and is not spoken of any more has left.
    ids.removeIf(
        id ->
            Optional.ofNullable(processes.get(id))
                .filter(one -> one.server().leaving() && !one.isRunning())
                .filter(one -> !answers.isEmpty() && isUnknown(one.server().name(), answers))
                .isPresent());
    return new ClusterReport(
        cluster,
        servers.stream().filter(one -> !one.server().isNode()).toList(),
        ids.stream()
            .map(id -> NodeReport.of(id, Optional.ofNullable(processes.get(id)), answers))
            .toList(),
        Wholeness.of(answers));
  }

  private static boolean isUnknown(String id, List<NodeAnswer> answers) {
    return answers.stream()
        .allMatch(answer -> answer.member(id).isEmpty() && !answer.holdsForAbsent(id));
  }

  /// All at once: one that does not answer is waited for.
  private static List<ServerReport> ask(ClusterState cluster) {
    Access access = Access.to(cluster);
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<CompletableFuture<ServerReport>> reports =
          cluster.servers().stream()
              .map(
                  server ->
                      CompletableFuture.supplyAsync(
                          () -> ServerReport.of(access, cluster, server), threads))
              .toList();
      return reports.stream().map(CompletableFuture::join).toList();
    }
  }

  /// The processes that do not serve, or not yet.
  List<ServerReport> unready() {
    return Stream.concat(nodes.stream().flatMap(node -> node.process().stream()), others.stream())
        .filter(server -> !server.isReady())
        .toList();
  }

  /// What keeps the cluster from serving as it should, for people, on one line.
  String shortageLine() {
    List<String> shortages = new ArrayList<>(wholeness.shortages());
    for (ServerReport server : unready()) {
      server.reason().ifPresent(reason -> shortages.add(server.server().name() + ": " + reason));
    }
    return String.join("; ", shortages);
  }

  boolean isWhole() {
    return wholeness.isWhole();
  }

  /// The node of this id; empty if nobody speaks of it.
  Optional<NodeReport> node(String id) {
    return nodes.stream().filter(node -> node.id().equals(id)).findFirst();
  }

  /// What all nodes that answer say.
  List<NodeAnswer> answers() {
    return nodes.stream().flatMap(node -> node.answer().stream()).toList();
  }

  /// What is to be remembered of the cluster: all but the nodes that were told to leave and have.
  ClusterState withoutThoseThatLeft() {
    return cluster.withServers(
        cluster.servers().stream()
            .filter(server -> !server.isNode() || node(server.name()).isPresent())
            .toList());
  }

  Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("running", true);
    json.put("whole", isWhole());
    if (!isWhole()) {
      json.put("shortages", wholeness.shortages());
    }
    json.put("copies", wholeness.copies());
    answers().stream()
        .findFirst()
        .ifPresent(answer -> json.put("faultTolerance", answer.faultTolerance()));
    json.put("addresses", addresses());
    others.forEach(other -> json.put(other.server().name(), other.toJson()));
    json.put("nodes", nodes.stream().map(NodeReport::toJson).toList());
    json.put("folder", cluster.folder().toString());
    json.put("quarantine", quarantine().stream().map(Path::toString).toList());
    return json;
  }

  /// Where to reach the cluster.
  private Map<String, Object> addresses() {
    Map<String, Object> addresses = new LinkedHashMap<>();
    addresses.put("data", "127.0.0.1:" + cluster.ports().router());
    addresses.put("rest", cluster.scheme() + "127.0.0.1:" + cluster.ports().gateway());
    if (hasMonitor()) {
      addresses.put("console", cluster.scheme() + "127.0.0.1:" + cluster.ports().console());
    }
    return addresses;
  }

  private boolean hasMonitor() {
    return others.stream().anyMatch(other -> other.server().role().equals(ServerPlan.MONITOR));
  }

  void print(Console console, boolean json) {
    if (json) {
      console.printLine(Json.write(toJson()));
      return;
    }
    printAddresses(console);
    console.printLine("");
    printProcesses(console);
    console.printLine("");
    printShards(console);
    console.printLine("");
    console.printLine(wholeLine());
    for (Path file : quarantine()) {
      console.printLine("quarantine: " + file);
    }
  }

  /// What nodes that were declared gone have left behind.
  private List<Path> quarantine() {
    return QuarantineFiles.in(cluster.folder());
  }

  private void printProcesses(Console console) {
    console.printLine(
        row("PROCESS", "TIER", "STATE", "PID", "PARTITIONS", "TO FETCH", "TO HAND OVER"));
    for (NodeReport node : nodes) {
      String pid =
          node.process()
              .filter(ServerReport::isRunning)
              .map(one -> Long.toString(one.server().pid()))
              .orElse("");
      console.printLine(
          row(
              node.id(),
              node.tier(),
              node.state(),
              pid,
              node.answer().map(own -> Integer.toString(own.held())).orElse(""),
              node.answer().map(own -> Integer.toString(own.incomplete())).orElse(""),
              node.answer().map(own -> Integer.toString(own.surplus())).orElse("")));
      node.reason().ifPresent(reason -> console.printLine("    " + reason));
    }
    for (ServerReport other : others) {
      String pid = other.isRunning() ? Long.toString(other.server().pid()) : "";
      console.printLine(row(other.server().name(), "", other.state(), pid));
      other.reason().ifPresent(reason -> console.printLine("    " + reason));
    }
  }

  private void printShards(Console console) {
    console.printLine(row("SHARD", "PORT", "KEYS", "BYTES", "OPERATIONS"));
    for (NodeReport node : nodes) {
      for (ShardReport shard : node.shards()) {
        console.printLine(
            row(
                node.id() + "/" + shard.index(),
                Integer.toString(shard.port()),
                Long.toString(shard.entries()),
                Long.toString(shard.entriesBytes()),
                Long.toString(shard.operations())));
      }
    }
  }

  private String wholeLine() {
    if (!isWhole()) {
      return "whole: false: " + String.join("; ", wholeness.shortages());
    }
    int lost = wholeness.copies() - 1;
    return switch (lost) {
      case 0 -> "whole: true, with one copy of each key: a crash loses it";
      case 1 -> "whole: true, with 2 copies of each key: any node may be lost";
      default ->
          String.format(
              Locale.ROOT,
              "whole: true, with %d copies of each key: any %d nodes may be lost",
              lost + 1,
              lost);
    };
  }

  void printAddresses(Console console) {
    console.printLine(
        "  data   127.0.0.1:" + cluster.ports().router() + "           clients connect here");
    console.printLine(
        "  REST   "
            + cluster.scheme()
            + "127.0.0.1:"
            + cluster.ports().gateway()
            + "    for everyone else");
    if (hasMonitor()) {
      console.printLine(
          "  web    "
              + cluster.scheme()
              + "127.0.0.1:"
              + cluster.ports().console()
              + "    the console: what it does, and why");
    }
    console.printLine("  files  " + cluster.folder());
    cluster
        .secrets()
        .ifPresent(
            secrets ->
                console.printLine(
                    "  keys   "
                        + secrets.resolve(ClusterSecrets.CLIENT)
                        + "    ca.crt, and admin.key: yours"));
  }

  private static String row(String... cells) {
    return List.of(cells).stream()
        .map(cell -> String.format(Locale.ROOT, "%-12s", cell))
        .collect(Collectors.joining())
        .stripTrailing();
  }
}
