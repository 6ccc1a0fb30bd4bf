package dev.trellis.deploy;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Failures;
import dev.trellis.cli.Json;
import dev.trellis.cli.JsonObject;
import dev.trellis.cli.LocalClusters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// A local cluster, as it is remembered in a file while it runs: what was started and has not been
/// stopped or removed since.
///
/// @param shards of each node
/// @param heap the greatest of each node, as the JVM's `-Xmx` takes it
/// @param faultTolerance lost nodes that the cluster is to survive
/// @param settings of every node beside those that follow from the rest, as HOCON text by key
/// @param monitor settings of the monitor beside those that follow from the rest, likewise; empty
///   for a cluster without one
/// @param secrets the folder with the secrets of all its processes; empty where security is off
/// @param folder of its configuration, logs and data
record ClusterState(
    Ports ports,
    int shards,
    String heap,
    int faultTolerance,
    Map<String, String> settings,
    Optional<Map<String, String>> monitor,
    Optional<Path> secrets,
    Path folder,
    List<ServerState> servers) {
  ClusterState {
    monitor = monitor.map(Map::copyOf);
    settings = Map.copyOf(settings);
    servers = List.copyOf(servers);
  }

  /// The folder that remembers the cluster with this port base.
  static Path folderOf(Console console, int portBase) {
    return LocalClusters.folder(console).resolve(Integer.toString(portBase));
  }

  ClusterState withServers(List<ServerState> others) {
    return new ClusterState(
        ports, shards, heap, faultTolerance, settings, monitor, secrets, folder, others);
  }

  ClusterState withFaultTolerance(int nodes) {
    return new ClusterState(
        ports, shards, heap, nodes, settings, monitor, secrets, folder, servers);
  }

  /// Of addresses for HTTP.
  String scheme() {
    return secrets.isPresent() ? "https://" : "http://";
  }

  /// With `server` in place of a former one of its name, or in addition. Nodes come first, in the
  /// order of their numbers: before who asks them.
  ClusterState with(ServerState server) {
    return withServers(
        Stream.concat(others(server.name()), Stream.of(server))
            .sorted(
                Comparator.comparing(ServerState::isNode)
                    .reversed()
                    .thenComparingInt(ServerState::number))
            .toList());
  }

  /// Without the server of this name.
  ClusterState without(String name) {
    return withServers(others(name).toList());
  }

  private Stream<ServerState> others(String name) {
    return servers.stream().filter(server -> !server.name().equals(name));
  }

  /// The nodes among the servers.
  List<ServerState> nodes() {
    return servers.stream().filter(ServerState::isNode).toList();
  }

  /// The number of a node to be added: the least that no node has.
  ///
  /// @param taken ids that must not be used again, beside those of the nodes here
  int nextNumber(Set<String> taken) {
    return IntStream.iterate(0, number -> number + 1)
        .filter(number -> node(ServerPlan.nodeId(number)).isEmpty())
        .filter(number -> !taken.contains(ServerPlan.nodeId(number)))
        .findFirst()
        .orElseThrow();
  }

  /// The node of this id; empty if there is none.
  Optional<ServerState> node(String id) {
    return nodes().stream().filter(node -> node.name().equals(id)).findFirst();
  }

  /// Whether a client reaches the cluster at this port of this machine.
  boolean servesAt(int port) {
    return port == ports.router()
        || nodes().stream()
            .mapToInt(node -> port - ports.firstShard(node.number()))
            .anyMatch(shard -> shard >= 0 && shard < shards);
  }

  /// The servers whose processes are there.
  List<ServerState> running() {
    return servers.stream().filter(Processes::isRunning).toList();
  }

  /// What is remembered of the cluster with this port base; empty if there is none.
  ///
  /// @throws CommandFailure if the file cannot be read
  static Optional<ClusterState> read(Console console, int portBase) {
    Path file = file(console, portBase);
    try {
      JsonObject json = JsonObject.of(Json.read(Files.readString(file)));
      return Optional.of(
          new ClusterState(
              new Ports(portBase),
              (int) json.whole("shards"),
              json.text("heap"),
              (int) json.whole("faultTolerance"),
              json.texts("settings"),
              json.isGiven("monitor") ? Optional.of(json.texts("monitor")) : Optional.empty(),
              json.isGiven(LocalClusters.SECRETS)
                  ? Optional.of(Path.of(json.text(LocalClusters.SECRETS)))
                  : Optional.empty(),
              Path.of(json.text("folder")),
              json.list("servers").stream().map(ServerState::ofJson).toList()));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT, "cannot read what runs: " + Failures.of(file, e), e);
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT,
          file
              + ", which tells what runs, is damaged ("
              + e.getMessage()
              + "); end the processes by hand and delete it",
          e);
    }
  }

  /// Remembers this state in place of the former one, whole or not at all.
  void write(Console console) {
    Path file = file(console, ports.base());
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("shards", shards);
    json.put("heap", heap);
    json.put("faultTolerance", faultTolerance);
    json.put("settings", settings);
    monitor.ifPresent(given -> json.put("monitor", given));
    secrets.ifPresent(path -> json.put(LocalClusters.SECRETS, path.toString()));
    json.put("folder", folder.toString());
    json.put("servers", servers.stream().map(ServerState::toJson).toList());
    try {
      Path written = file.resolveSibling(LocalClusters.STATE_FILE + ".new");
      Files.writeString(written, Json.write(json) + "\n");
      Files.move(written, file, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT, "cannot remember what runs: " + Failures.of(file, e), e);
    }
  }

  /// Forgets the cluster.
  static void delete(Console console, int portBase) {
    Path file = file(console, portBase);
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT, "cannot forget what ran: " + Failures.of(file, e), e);
    }
  }

  private static Path file(Console console, int portBase) {
    return folderOf(console, portBase).resolve(LocalClusters.STATE_FILE);
  }
}
