package dev.trellis.deploy;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A process of a local cluster, as it is remembered between commands.
///
/// @param name `router`, or the node's id
/// @param role `router` or `node`: what `trellis run` calls it
/// @param startedAtMillis tells the process from a later one with the same id
/// @param adminPort where it tells whether it is ready
record ServerState(
    String name, String role, long pid, long startedAtMillis, int adminPort, Path log) {
  Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("name", name);
    json.put("role", role);
    json.put("pid", pid);
    json.put("startedAtMillis", startedAtMillis);
    json.put("adminPort", adminPort);
    json.put("log", log.toString());
    return json;
  }

  /// @throws IllegalArgumentException if a member is missing or of another type
  static ServerState ofJson(@Nullable Object json) {
    JsonObject object = JsonObject.of(json);
    return new ServerState(
        object.text("name"),
        object.text("role"),
        object.whole("pid"),
        object.whole("startedAtMillis"),
        (int) object.whole("adminPort"),
        Path.of(object.text("log")));
  }
}
