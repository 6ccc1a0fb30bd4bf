package dev.trellis.deploy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/// Who listens on a port of this machine. Finds it on Linux only, and only what the user may see.
final class PortOwner {
  private static final String LISTENING = "0A";
  private static final int COMMAND_CHARACTERS_MAX = 80;

  private PortOwner() {}

  /// Whether a server could listen on this port of loopback now.
  static boolean isFree(int port) {
    try (ServerSocket socket = new ServerSocket()) {
      socket.setReuseAddress(true);
      socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /// The listening process, for people: `process 123 (java -jar …)`; empty if it is not found.
  static Optional<String> describe(int port) {
    try {
      Set<String> sockets = new HashSet<>();
      collectSockets(Path.of("/proc/net/tcp"), port, sockets);
      collectSockets(Path.of("/proc/net/tcp6"), port, sockets);
      return sockets.isEmpty() ? Optional.empty() : holder(sockets);
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /// Adds the names that the listening sockets of a port have among a process's open files.
  private static void collectSockets(Path table, int port, Set<String> sockets) throws IOException {
    if (!Files.isReadable(table)) {
      return;
    }
    String suffix = String.format(":%04X", port);
    for (String line : Files.readAllLines(table)) {
      String[] columns = line.strip().split("\\s+", -1);
      if (columns.length > 9 && columns[1].endsWith(suffix) && columns[3].equals(LISTENING)) {
        sockets.add("socket:[" + columns[9] + "]");
      }
    }
  }

  private static Optional<String> holder(Set<String> sockets) {
    return ProcessHandle.allProcesses()
        .filter(process -> holdsAny(process.pid(), sockets))
        .findFirst()
        .map(process -> "process " + process.pid() + command(process.pid()));
  }

  private static boolean holdsAny(long pid, Set<String> sockets) {
    try (Stream<Path> files = Files.list(Path.of("/proc", Long.toString(pid), "fd"))) {
      return files.anyMatch(file -> sockets.contains(target(file)));
    } catch (IOException e) {
      return false; // gone, or another user's
    }
  }

  private static String target(Path link) {
    try {
      return Files.readSymbolicLink(link).toString();
    } catch (IOException e) {
      return ""; // closed just now
    }
  }

  private static String command(long pid) {
    try {
      String command =
          Files.readString(Path.of("/proc", Long.toString(pid), "cmdline"))
              .replace('\0', ' ')
              .strip();
      return command.length() <= COMMAND_CHARACTERS_MAX
          ? " (" + command + ")"
          : " (" + command.substring(0, COMMAND_CHARACTERS_MAX) + "…)";
    } catch (IOException e) {
      return "";
    }
  }
}
