package dev.trellis.deploy;

import com.sun.management.OperatingSystemMXBean;
import dev.trellis.cli.Console;
import java.lang.management.ManagementFactory;
import java.util.Optional;

/// How much heap each process of a local cluster may take, where nobody says it: together at most
/// about half of what the machine, or the container, has.
final class Heaps {
  /// The variable that says it for all of them.
  static final String VARIABLE = "TRELLIS_HEAP";

  private static final long NODE_MIN_MEBIBYTES = 128;
  private static final long ROUTER_MIN_MEBIBYTES = 128;
  private static final long ROUTER_MAX_MEBIBYTES = 1_024;

  private Heaps() {}

  /// The heap of each of so many nodes.
  static String node(Console console, int nodes) {
    return said(console)
        .orElseGet(
            () -> mebibytes(Math.max(NODE_MIN_MEBIBYTES, machine() / 2 / Math.max(2, nodes))));
  }

  /// The heap of a router, which keeps no data.
  static String router(Console console) {
    return said(console)
        .orElseGet(
            () -> mebibytes(Math.clamp(machine() / 8, ROUTER_MIN_MEBIBYTES, ROUTER_MAX_MEBIBYTES)));
  }

  private static Optional<String> said(Console console) {
    return console.variable(VARIABLE);
  }

  private static String mebibytes(long number) {
    return number + "m";
  }

  /// The memory of the machine or the container, in MiB.
  private static long machine() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize()
        >> 20;
  }
}
