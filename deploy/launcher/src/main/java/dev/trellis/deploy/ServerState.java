package dev.trellis.deploy;

import dev.trellis.cli.JsonObject;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A process of a local cluster, as it is remembered between commands.
///
/// @param name `router`, `monitor`, or the node's id
/// @param role `router`, `monitor` or `node`: what `trellis run` calls it
/// @param tier of a node; empty for another process
/// @param number of a node, counted from 0, which decides its ports; 0 for the router
/// @param startedAtMillis tells the process from a later one with the same id
/// @param adminPort where it tells whether it is ready
/// @param leaving whether a node was told to leave: once it has ended it is not missed
record ServerState(
    String name,
    String role,
    Optional<Tier> tier,
    int number,
    long pid,
    long startedAtMillis,
    int adminPort,
    Path log,
    boolean leaving) {
  /// Whether it is a node of a tier.
  boolean isOf(Tier wanted) {
    return tier.filter(wanted::equals).isPresent();
  }

  boolean isNode() {
    return role.equals(ServerPlan.NODE);
  }

  ServerState asLeaving() {
    return new ServerState(name, role, tier, number, pid, startedAtMillis, adminPort, log, true);
  }

  Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("name", name);
    json.put("role", role);
    tier.ifPresent(one -> json.put("tier", one.word()));
    json.put("number", number);
    json.put("pid", pid);
    json.put("startedAtMillis", startedAtMillis);
    json.put("adminPort", adminPort);
    json.put("log", log.toString());
    json.put("leaving", leaving);
    return json;
  }

  /// @throws IllegalArgumentException if a member is missing or of another type
  static ServerState ofJson(@Nullable Object json) {
    JsonObject object = JsonObject.of(json);
    return new ServerState(
        object.text("name"),
        object.text("role"),
        object.isGiven("tier") ? Optional.of(Tiers.of(object.text("tier"))) : Optional.empty(),
        (int) object.whole("number"),
        object.whole("pid"),
        object.whole("startedAtMillis"),
        (int) object.whole("adminPort"),
        Path.of(object.text("log")),
        object.bool("leaving"));
  }
}
