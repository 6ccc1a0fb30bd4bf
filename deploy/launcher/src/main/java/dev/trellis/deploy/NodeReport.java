package dev.trellis.deploy;

import dev.trellis.wire.NodeDescriptor.Tier;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// How a node is: what its process says, and what other nodes say of it.
///
/// @param tier where it keeps its data
/// @param state `starting` (its process runs and nobody speaks of it yet), `joining`, `active`,
///   `leaving`, `suspected` (others have no answer from it), `absent` (others go on without it, and
///   it may come back) or `gone` (its process has ended, and nobody speaks of it any more)
/// @param process of this machine; empty for a node that was not started here
record NodeReport(String id, String tier, String state, Optional<ServerReport> process) {
  private static final String MEMORY = "memory";
  private static final String SUSPECTED = "suspected";
  private static final String ABSENT = "absent";

  /// Puts together what the nodes say.
  ///
  /// @param answers of all nodes that answer
  static NodeReport of(String id, Optional<ServerReport> process, Collection<NodeAnswer> answers) {
    String tier =
        answers.stream()
            .flatMap(answer -> answer.member(id).stream())
            .map(NodeAnswer.Member::tier)
            .findFirst()
            .or(() -> process.flatMap(one -> one.server().tier()).map(Tier::word))
            .orElse(MEMORY);
    return new NodeReport(id, tier, state(id, process, answers), process);
  }

  private static String state(
      String id, Optional<ServerReport> process, Collection<NodeAnswer> answers) {
    List<NodeAnswer.Member> asSeen =
        answers.stream().flatMap(answer -> answer.member(id).stream()).toList();
    if (asSeen.stream().anyMatch(NodeAnswer.Member::suspected)) {
      return SUSPECTED;
    }
    if (asSeen.isEmpty() && answers.stream().anyMatch(answer -> answer.holdsForAbsent(id))) {
      return ABSENT;
    }
    Optional<NodeAnswer> own = process.flatMap(ServerReport::answer);
    if (own.isPresent()) {
      return own.get().state();
    }
    if (process.filter(ServerReport::isRunning).isPresent()) {
      return asSeen.isEmpty() ? "starting" : SUSPECTED;
    }
    return asSeen.isEmpty() ? "gone" : SUSPECTED;
  }

  Optional<NodeAnswer> answer() {
    return process.flatMap(ServerReport::answer);
  }

  List<ShardReport> shards() {
    return process.map(ServerReport::shards).orElse(List.of());
  }

  /// What is wrong with it; empty if nothing is.
  Optional<String> reason() {
    if (process.isEmpty()) {
      return Optional.of("not started by 'trellis up' or 'trellis node add' of this cluster");
    }
    return process
        .get()
        .reason()
        .map(reason -> state.equals(ABSENT) ? reason + "; " + whatNow() : reason);
  }

  private String whatNow() {
    return "'trellis up --detach' starts it again, 'trellis node remove "
        + id
        + " --dead' gives it up: until then all deletions are kept for it";
  }

  Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("id", id);
    json.put("tier", tier);
    json.put("state", state);
    process.ifPresent(
        one -> {
          json.put("running", one.isRunning());
          json.put("pid", one.server().pid());
        });
    reason().ifPresent(text -> json.put("reason", text));
    answer()
        .ifPresent(
            own -> {
              Map<String, Object> partitions = new LinkedHashMap<>();
              partitions.put("held", own.held());
              partitions.put("incomplete", own.incomplete());
              partitions.put("surplus", own.surplus());
              json.put("partitions", partitions);
            });
    process.ifPresent(
        one -> {
          json.put("adminPort", one.server().adminPort());
          json.put("controlPort", one.server().adminPort() - 1);
          json.put("log", one.server().log().toString());
        });
    json.put("shards", shards().stream().map(ShardReport::toJson).toList());
    return json;
  }
}
