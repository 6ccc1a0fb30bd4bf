package dev.trellis.faults;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// What runs that were killed could not remove: their processes and their namespaces, known by a
/// name that tells who made them. What belongs to a run that is still going is left alone.
final class Leftovers {
  /// The environment variable that every started process has: the name of what it belongs to.
  static final String MARK = "DEV_TRELLIS_FAULTS";

  private Leftovers() {}

  /// Ends and removes them.
  ///
  /// @return what was removed, for people
  static List<String> remove() throws IOException {
    List<String> removed = new ArrayList<>();
    for (ProcessHandle process : processes(Leftovers::isOrphaned)) {
      if (process.destroyForcibly()) {
        removed.add("process " + process.pid());
      }
    }
    for (String namespace : namespaces()) {
      if (isOrphaned(namespace)) {
        Tool.require("ip", "netns", "delete", namespace);
        removed.add("network namespace " + namespace);
      }
    }
    return removed;
  }

  private static boolean isOrphaned(String name) {
    return Owner.of(name).filter(owner -> !owner.isAlive()).isPresent();
  }

  /// What somebody has made and not removed, for people: processes and namespaces.
  static List<String> of(Owner owner) throws IOException {
    List<String> left = new ArrayList<>();
    processes(name -> Owner.of(name).filter(owner::equals).isPresent())
        .forEach(process -> left.add("process " + process.pid()));
    namespaces().stream()
        .filter(name -> Owner.of(name).filter(owner::equals).isPresent())
        .forEach(left::add);
    return left;
  }

  private static List<String> namespaces() throws IOException {
    return Tool.find("ip").isEmpty()
        ? List.of()
        : Tool.run("ip", "netns", "list")
            .output()
            .lines()
            .map(line -> line.split(" ", -1)[0])
            .filter(name -> name.startsWith(Owner.PREFIX))
            .toList();
  }

  /// Which names are meant.
  private interface Names {
    boolean include(String name);
  }

  private static List<ProcessHandle> processes(Names names) {
    return ProcessHandle.allProcesses()
        .filter(process -> markOf(process.pid()).filter(names::include).isPresent())
        .toList();
  }

  private static Optional<String> markOf(long pid) {
    try {
      String variables =
          Files.readString(
              Path.of("/proc", Long.toString(pid), "environ"), StandardCharsets.ISO_8859_1);
      return Stream.of(variables.split("\0", -1))
          .filter(variable -> variable.startsWith(MARK + "="))
          .map(variable -> variable.substring(MARK.length() + 1))
          .findFirst();
    } catch (IOException e) {
      return Optional.empty(); // ended just now, or another user's
    }
  }
}
