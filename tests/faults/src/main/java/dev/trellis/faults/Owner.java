package dev.trellis.faults;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The process that made something, as told by the name of what it made: so what a killed run left
/// behind is known by its name, and what another run uses is left alone.
///
/// @param pid process id
/// @param startTicks when the process started, in the kernel's ticks since boot: an id alone may
///   have passed to another process
record Owner(long pid, long startTicks) {
  /// What every name begins with.
  static final String PREFIX = "trellis-faults-";

  private static final Pattern NAME = Pattern.compile(PREFIX + "([0-9]+)-([0-9]+)-.*");
  private static final int TICKS_FIELD = 19; // of /proc/PID/stat, after the name; proc(5)'s 22
  private static final AtomicInteger NEXT = new AtomicInteger();

  /// This process.
  static Owner self() {
    return ofProcess(ProcessHandle.current().pid());
  }

  /// A process that runs.
  static Owner ofProcess(long pid) {
    return new Owner(pid, startTicks(pid).orElse(0L));
  }

  /// A name that no other run has, nor another part of this one.
  String newName() {
    return PREFIX + pid + "-" + startTicks + "-" + NEXT.getAndIncrement();
  }

  /// Who made what has this name; empty if no run did.
  static Optional<Owner> of(String name) {
    Matcher matcher = NAME.matcher(name);
    return matcher.matches()
        ? Optional.of(new Owner(Long.parseLong(matcher.group(1)), Long.parseLong(matcher.group(2))))
        : Optional.empty();
  }

  boolean isAlive() {
    return startTicks(pid).filter(ticks -> ticks == startTicks).isPresent() && stateOf(pid) != 'Z';
  }

  /// The state of a process as the kernel tells it: `R` running, `S` sleeping, `T` stopped, `Z`
  /// ended and not taken note of; `?` if there is none.
  static char stateOf(long pid) {
    String[] fields = statOf(pid);
    return fields.length == 0 ? '?' : fields[0].charAt(0);
  }

  private static Optional<Long> startTicks(long pid) {
    String[] fields = statOf(pid);
    return fields.length <= TICKS_FIELD
        ? Optional.empty()
        : Optional.of(Long.parseLong(fields[TICKS_FIELD]));
  }

  /// The fields after the name, which stands in parentheses and may hold anything.
  private static String[] statOf(long pid) {
    try {
      String stat =
          Files.readString(
              Path.of("/proc", Long.toString(pid), "stat"), StandardCharsets.ISO_8859_1);
      return stat.substring(stat.lastIndexOf(')') + 2).strip().split(" ", -1);
    } catch (IOException e) {
      return new String[0];
    }
  }
}
