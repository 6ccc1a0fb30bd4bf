package dev.trellis.routing.lookup;

import dev.trellis.placement.Census;
import dev.trellis.wire.Frame;
import dev.trellis.wire.NodeDescriptor;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;

/// What the nodes say of their cluster, and the map made of it: see [Census]. Pure but for the
/// clock it is given, which only serves to number maps. Written by one thread.
///
/// The seeds, which are configured, are asked for ever; so are the members that are learned of, as
/// long as they are members. So a router that has just started knows the whole cluster by any one
/// seed that answers, and goes on when all seeds have left.
///
/// The first map waits until every seed has answered or failed to. Where a key belongs follows from
/// the map, so a map that lacks nodes just because they were asked last would lead writes astray.
/// When nobody answers at all, the last map stays: that the router is cut off says nothing about
/// the nodes.
final class NodeDirectory {
  private final String clusterName;
  private final LongSupplier millis;
  private final Map<Address, Set<Address>> seeds = new LinkedHashMap<>(); // what they stand for
  private final Map<Address, Census.Word> words = new LinkedHashMap<>(); // the last, by where
  private final Set<Address> unsettled; // seeds not looked up, addresses of seeds not heard so far
  private volatile Frame.ClusterMap map; // read by any thread
  private volatile boolean isHearing; // read by any thread

  /// @param seeds as configured; each may be a name that stands for several addresses
  /// @param millis the time since the epoch
  NodeDirectory(String clusterName, Collection<Address> seeds, LongSupplier millis) {
    this.clusterName = clusterName;
    this.millis = millis;
    seeds.forEach(seed -> this.seeds.put(seed, Set.of()));
    unsettled = new HashSet<>(seeds);
    // Numbering by the time makes the maps of a restarted router follow those before.
    map =
        new Frame.ClusterMap(
            0, millis.getAsLong(), clusterName, Census.FAULT_TOLERANCE_UNKNOWN, List.of());
  }

  /// Takes note of the addresses that a seed stands for now; if there are none, since its name is
  /// unknown at the moment, those that it stood for are asked on.
  ///
  /// @return whether the map has changed
  boolean found(Address seed, Collection<Address> addresses) {
    if (!addresses.isEmpty()) {
      seeds.put(seed, Set.copyOf(addresses));
    }
    if (unsettled.remove(seed)) {
      addresses.stream().filter(each -> !words.containsKey(each)).forEach(unsettled::add);
    }
    unsettled.removeIf(each -> !seeds.containsKey(each) && !wanted().contains(each));
    return renew();
  }

  /// Takes the answer of the node at an address.
  ///
  /// @return whether the map has changed
  boolean heard(Address address, String nodeId, Frame.ClusterMap answer) {
    unsettled.remove(address);
    words.put(address, new Census.Word(nodeId, answer, true));
    return renew();
  }

  /// Takes note that nobody answers at an address any more.
  ///
  /// @return whether the map has changed
  boolean lost(Address address) {
    unsettled.remove(address);
    words.computeIfPresent(
        address, (where, word) -> new Census.Word(word.nodeId(), word.map(), false));
    return renew();
  }

  /// Whom to ask: all that the seeds stand for, and the members that are not among these.
  Set<Address> wanted() {
    Set<Address> all = new LinkedHashSet<>();
    seeds.values().forEach(all::addAll);
    Set<String> heard = new HashSet<>();
    for (Address address : all) {
      Census.Word word = words.get(address);
      if (word != null && word.answers()) {
        heard.add(word.nodeId());
      }
    }
    for (NodeDescriptor node : map.nodes()) {
      if (!heard.contains(node.id())) {
        all.add(new Address(node.host(), node.shardPorts().get(0)));
      }
    }
    return all;
  }

  /// The cluster as of now; the id is 0. Any thread may ask.
  Frame.ClusterMap map() {
    return map;
  }

  /// Whether any node answers now. Any thread may ask.
  boolean isHearing() {
    return isHearing;
  }

  private boolean renew() {
    isHearing = words.values().stream().anyMatch(Census.Word::answers);
    if (!unsettled.isEmpty() || !isHearing) {
      return false;
    }
    Census census = Census.of(words.values());
    boolean isSame =
        census.members().equals(map.nodes()) && census.faultTolerance() == map.faultTolerance();
    if (!isSame) {
      long version = Math.max(map.version() + 1, millis.getAsLong());
      map =
          new Frame.ClusterMap(0, version, clusterName, census.faultTolerance(), census.members());
    }
    words.keySet().retainAll(wanted()); // who has left
    return !isSame;
  }
}
