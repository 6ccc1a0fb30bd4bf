package dev.trellis.integration;

import java.util.ArrayList;
import java.util.List;

/// A port that somebody listens on.
///
/// @param process whose, as `status` calls it
record Door(String process, String name, int port, Tongue tongue) {
  /// What is spoken there.
  enum Tongue {
    FRAMES,
    ZMTP,
    HTTP
  }

  /// Every port of a cluster of this machine.
  static List<Door> all(int portBase, int nodes, int shards) {
    List<Door> doors = new ArrayList<>();
    doors.add(new Door("router", "data", portBase, Tongue.FRAMES));
    doors.add(new Door("router", "admin", portBase + 1, Tongue.HTTP));
    doors.add(new Door("router", "gateway", portBase + 80, Tongue.HTTP));
    doors.add(new Door("monitor", "console", portBase + 90, Tongue.HTTP));
    doors.add(new Door("monitor", "admin", portBase + 91, Tongue.HTTP));
    for (int node = 0; node < nodes; node++) {
      int base = portBase + 100 + 20 * node;
      String process = "node-" + node;
      doors.add(new Door(process, "control", base, Tongue.ZMTP));
      doors.add(new Door(process, "admin", base + 1, Tongue.HTTP));
      for (int shard = 0; shard < shards; shard++) {
        doors.add(new Door(process, "shard " + shard, base + 2 + shard, Tongue.FRAMES));
      }
      doors.add(new Door(process, "statistics", base + 18, Tongue.ZMTP));
    }
    return doors;
  }

  @Override
  public String toString() {
    return process + " " + name;
  }
}
