package dev.trellis.deploy;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Failures;
import dev.trellis.cli.Json;
import dev.trellis.cli.LocalClusters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A local cluster, as it is remembered in a file while it runs: what `up` started, in the order in
/// which it was started.
///
/// @param shards of each node
/// @param folder of its configuration, logs and data
record ClusterState(Ports ports, int shards, Path folder, List<ServerState> servers) {
  ClusterState {
    servers = List.copyOf(servers);
  }

  /// The folder that remembers the cluster with this port base.
  static Path folderOf(Console console, int portBase) {
    return LocalClusters.folder(console).resolve(Integer.toString(portBase));
  }

  ClusterState withServers(List<ServerState> others) {
    return new ClusterState(ports, shards, folder, others);
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
