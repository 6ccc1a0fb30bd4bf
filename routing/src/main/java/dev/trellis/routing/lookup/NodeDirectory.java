package dev.trellis.routing.lookup;

import dev.trellis.wire.Frame;
import dev.trellis.wire.NodeDescriptor;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;

/// The nodes that answer now, and the map made of them. Pure but for the clock it is given, which
/// only serves to number maps. Written by one thread.
///
/// The first map waits until every node has answered or failed to. Where a key belongs follows from
/// the map, so a map that lacks nodes just because they were asked last would lead writes astray.
final class NodeDirectory {
  private static final int FAULT_TOLERANCE_UNKNOWN = 1;

  private final String clusterName;
  private final List<Address> addresses;
  private final LongSupplier millis;
  private final Map<Address, Frame.ClusterMap> answers = new HashMap<>();
  private final Set<Address> unheard; // neither answered nor failed so far
  private volatile Frame.ClusterMap map; // read by any thread

  /// @param addresses of the nodes that may be in the cluster; where two of them answer for the
  ///   same node, the first is believed
  /// @param millis the time since the epoch
  NodeDirectory(String clusterName, List<Address> addresses, LongSupplier millis) {
    this.clusterName = clusterName;
    this.addresses = List.copyOf(addresses);
    this.millis = millis;
    unheard = new HashSet<>(addresses);
    // Numbering by the time makes the maps of a restarted router follow those before.
    map =
        new Frame.ClusterMap(
            0, millis.getAsLong(), clusterName, FAULT_TOLERANCE_UNKNOWN, List.of());
  }

  /// Takes the answer of the node at an address.
  ///
  /// @return whether the map has changed
  boolean heard(Address address, Frame.ClusterMap answer) {
    unheard.remove(address);
    answers.put(address, answer);
    return renew();
  }

  /// Takes note that nobody answers at an address any more.
  ///
  /// @return whether the map has changed
  boolean lost(Address address) {
    unheard.remove(address);
    answers.remove(address);
    return renew();
  }

  /// The cluster as of now; the id is 0. Any thread may ask.
  Frame.ClusterMap map() {
    return map;
  }

  private boolean renew() {
    if (!unheard.isEmpty()) {
      return false;
    }
    Map<String, NodeDescriptor> nodes = new LinkedHashMap<>();
    int faultTolerance = FAULT_TOLERANCE_UNKNOWN;
    for (Address address : addresses) {
      Frame.ClusterMap answer = answers.get(address);
      if (answer != null) {
        answer.nodes().forEach(node -> nodes.putIfAbsent(node.id(), node));
        faultTolerance = answer.faultTolerance();
      }
    }
    List<NodeDescriptor> members = List.copyOf(nodes.values());
    if (members.equals(map.nodes()) && faultTolerance == map.faultTolerance()) {
      return false;
    }
    long version = Math.max(map.version() + 1, millis.getAsLong());
    map = new Frame.ClusterMap(0, version, clusterName, faultTolerance, members);
    return true;
  }
}
