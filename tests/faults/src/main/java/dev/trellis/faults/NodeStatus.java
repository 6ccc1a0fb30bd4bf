package dev.trellis.faults;

import dev.trellis.cli.Json;
import dev.trellis.faults.Lab.Host;
import dev.trellis.node.control.ControlClient;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// What a node says of itself and of the cluster through its control port.
///
/// @param state how it takes part, such as `active`
/// @param version of the topology as the node sees it
/// @param members ids of those it takes for members
/// @param suspected ids of members that do not answer it
/// @param shards how far each of its shards is
record NodeStatus(
    String id,
    String state,
    long version,
    Set<String> members,
    Set<String> suspected,
    List<Shard> shards) {
  private static final Duration TIMEOUT = Duration.ofSeconds(2);

  NodeStatus {
    members = Set.copyOf(members);
    suspected = Set.copyOf(suspected);
    shards = List.copyOf(shards);
  }

  /// How far a shard is.
  ///
  /// @param version of the topology that it acts upon
  /// @param incomplete partitions that it has yet to fetch, in whole or in part
  /// @param surplus those that it has yet to hand over
  record Shard(long version, long incomplete, long surplus) {}

  /// The control port of a host.
  static ControlClient control(Host host, Duration timeout) {
    return new ControlClient(host.address(), ServerPorts.control(host), timeout);
  }

  /// Asks a node; empty if it does not answer.
  static Optional<NodeStatus> ask(Host host) {
    try {
      return Optional.of(ofJson(control(host, TIMEOUT).status()));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  static NodeStatus ofJson(String text) {
    Map<?, ?> json = map(Json.read(text));
    Set<String> members = new TreeSet<>();
    Set<String> suspected = new TreeSet<>();
    for (Object each : list(json.get("members"))) {
      String id = String.valueOf(map(each).get("id"));
      members.add(id);
      if (Boolean.TRUE.equals(map(each).get("suspected"))) {
        suspected.add(id);
      }
    }
    List<Shard> shards = new ArrayList<>();
    for (Object each : list(json.get("shards"))) {
      Map<?, ?> shard = map(each);
      shards.add(
          new Shard(
              number(shard.get("version")),
              number(shard.get("incomplete")),
              number(shard.get("surplus"))));
    }
    return new NodeStatus(
        String.valueOf(json.get("id")),
        String.valueOf(json.get("state")),
        number(json.get("version")),
        members,
        suspected,
        shards);
  }

  /// What keeps a cluster from being whole, as `trellis status` calls it, a phrase each; empty if
  /// it is.
  ///
  /// @param expected ids of all that shall be members
  static List<String> shortages(Set<String> expected, List<NodeStatus> answers) {
    List<String> shortages = new ArrayList<>();
    Set<String> silent = new TreeSet<>(expected);
    for (NodeStatus answer : answers) {
      silent.remove(answer.id());
      if (!answer.state().equals("active")) {
        shortages.add(answer.id() + " is " + answer.state());
      }
      if (!answer.members().equals(expected)) {
        shortages.add(answer.id() + " knows " + new TreeSet<>(answer.members()));
      }
      if (!answer.suspected().isEmpty()) {
        shortages.add(answer.id() + " suspects " + new TreeSet<>(answer.suspected()));
      }
      long incomplete = answer.shards().stream().mapToLong(Shard::incomplete).sum();
      if (incomplete > 0) {
        shortages.add(answer.id() + " has yet to fetch " + incomplete + " partitions");
      }
      if (answer.shards().stream().anyMatch(shard -> shard.version() != answer.version())) {
        shortages.add("a shard of " + answer.id() + " acts upon an older view");
      }
    }
    if (!silent.isEmpty()) {
      shortages.add("no answer from " + silent);
    }
    if (answers.stream().mapToLong(NodeStatus::version).distinct().count() > 1) {
      shortages.add("not all know the same members");
    }
    return shortages;
  }

  /// What is left to be handed over, a phrase each; empty if all is where it shall be.
  static List<String> surpluses(List<NodeStatus> answers) {
    List<String> surpluses = new ArrayList<>();
    for (NodeStatus answer : answers) {
      long surplus = answer.shards().stream().mapToLong(Shard::surplus).sum();
      if (surplus > 0) {
        surpluses.add(answer.id() + " has yet to hand over " + surplus + " partitions");
      }
    }
    return surpluses;
  }

  private static Map<?, ?> map(@Nullable Object json) {
    return json instanceof Map<?, ?> map ? map : Map.of();
  }

  private static List<?> list(@Nullable Object json) {
    return json instanceof List<?> list ? list : List.of();
  }

  private static long number(@Nullable Object json) {
    return json instanceof Number number ? number.longValue() : 0;
  }
}
