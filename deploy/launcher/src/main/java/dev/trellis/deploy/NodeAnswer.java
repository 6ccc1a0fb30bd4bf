package dev.trellis.deploy;

import dev.trellis.cli.Json;
import dev.trellis.cli.JsonObject;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.ToIntFunction;

/// What a node says of itself and of the cluster through its control port.
///
/// @param id of the node that says it
/// @param state how it takes part, such as `active`
/// @param version of the topology as the node sees it
/// @param faultTolerance lost nodes that the cluster is to survive
/// @param absent ids of nodes that were lost and not declared gone
/// @param shards how far each of its shards is
record NodeAnswer(
    String id,
    String state,
    long version,
    int faultTolerance,
    List<Member> members,
    List<String> absent,
    List<Shard> shards) {
  private static final String JOINING = "joining";
  private static final String LEAVING = "leaving";
  static final String ACTIVE = "active";

  NodeAnswer {
    members = List.copyOf(members);
    absent = List.copyOf(absent);
    shards = List.copyOf(shards);
  }

  /// A member of the cluster, as the node sees it.
  record Member(String id, String tier, String state, boolean suspected) {
    boolean isJoining() {
      return state.equals(JOINING);
    }

    boolean isLeaving() {
      return state.equals(LEAVING);
    }

    private static Member ofJson(JsonObject json) {
      return new Member(
          json.text("id"), json.text("tier"), json.text("state"), json.bool("suspected"));
    }
  }

  /// How far a shard is.
  ///
  /// @param version of the topology that it acts upon
  /// @param held partitions that it shall hold
  /// @param incomplete those that it has yet to fetch, in whole or in part
  /// @param surplus those that it has yet to hand over
  record Shard(long version, int held, int incomplete, int surplus) {
    private static Shard ofJson(JsonObject json) {
      return new Shard(
          json.whole("version"),
          (int) json.whole("held"),
          (int) json.whole("incomplete"),
          (int) json.whole("surplus"));
    }
  }

  /// Reads the answer to the order `status`.
  ///
  /// @throws IllegalArgumentException if it is none
  static NodeAnswer ofJson(String text) {
    JsonObject json = JsonObject.of(Json.read(text));
    return new NodeAnswer(
        json.text("id"),
        json.text("state"),
        json.whole("version"),
        (int) json.whole("faultTolerance"),
        json.objects("members").stream().map(Member::ofJson).toList(),
        json.objects("absent").stream().map(absent -> absent.text("id")).toList(),
        json.objects("shards").stream().map(Shard::ofJson).toList());
  }

  boolean isActive() {
    return state.equals(ACTIVE);
  }

  /// A member by its id.
  Optional<Member> member(String wanted) {
    return members.stream().filter(member -> member.id().equals(wanted)).findFirst();
  }

  boolean holdsForAbsent(String wanted) {
    return absent.contains(wanted);
  }

  /// Whether its shards act upon what it has heard last.
  boolean isUpToDate() {
    return shards.stream().allMatch(shard -> shard.version() == version);
  }

  int held() {
    return sum(Shard::held);
  }

  int incomplete() {
    return sum(Shard::incomplete);
  }

  int surplus() {
    return sum(Shard::surplus);
  }

  /// How far a node is that leaves, for people.
  String handingOver() {
    return String.format(
        Locale.ROOT, "%s is %s: %,d partitions to hand over", id, state, surplus());
  }

  private int sum(ToIntFunction<Shard> number) {
    return shards.stream().mapToInt(number).sum();
  }
}
