package dev.trellis.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// The clusters that `trellis up` started on this machine: a folder each, named for the port of its
/// router, so that a command finds the address without reading a file.
public final class LocalClusters {
  /// The port of the router of a cluster that was started without `--port-base`.
  public static final int DEFAULT_PORT = 7400;

  /// The file that is in the folder of a cluster while it runs.
  public static final String STATE_FILE = "cluster.json";

  /// Where the secrets of the cluster are, in that file, if it has `security = on`; and what their
  /// folder is called.
  public static final String SECRETS = "secrets";

  private LocalClusters() {}

  /// The folder of all of them.
  public static Path folder(Console console) {
    return console.home().resolve("clusters");
  }

  /// The router ports of the clusters that have a state file, ascending. They may have crashed
  /// since.
  public static List<Integer> ports(Console console) {
    try (Stream<Path> folders = Files.list(folder(console))) {
      return folders
          .filter(folder -> Files.exists(folder.resolve(STATE_FILE)))
          .map(folder -> folder.getFileName().toString())
          .filter(name -> name.matches("[1-9]\\d{0,4}"))
          .map(Integer::valueOf)
          .sorted()
          .toList();
    } catch (IOException e) {
      return List.of(); // no folder, no clusters
    }
  }

  /// What a client of the cluster with this router port has to show, if the cluster runs with
  /// `security = on`: the folder that `trellis security init` calls `client`.
  public static Optional<Path> secrets(Console console, int port) {
    Path file = folder(console).resolve(Integer.toString(port)).resolve(STATE_FILE);
    try {
      String text = Files.readString(file);
      // Parsed only where there are some: most commands are about a cluster that has none.
      return text.contains('"' + SECRETS + "\":")
          ? Optional.of(Path.of(JsonObject.of(Json.read(text)).text(SECRETS), "client"))
          : Optional.empty();
    } catch (IOException | IllegalArgumentException e) {
      return Optional.empty(); // nothing runs, or whoever needs more of the file tells
    }
  }

  /// The router port of the cluster that is meant when none is named: the one that runs, and the
  /// default one if there are several.
  static Optional<Integer> likelyPort(Console console) {
    List<Integer> ports = ports(console);
    return ports.contains(DEFAULT_PORT) || ports.isEmpty()
        ? Optional.of(DEFAULT_PORT).filter(port -> !ports.isEmpty())
        : Optional.of(ports.get(0)).filter(port -> ports.size() == 1);
  }
}
