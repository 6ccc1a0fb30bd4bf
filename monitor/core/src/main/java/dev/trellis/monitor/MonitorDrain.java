package dev.trellis.monitor;

import dev.trellis.cli.Json;
import dev.trellis.cli.JsonObject;
import dev.trellis.monitor.scaler.NodeDrain;
import dev.trellis.wire.NodeDescriptor;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Has nodes leave by orders to their control ports, and asks the others how they stand.
final class MonitorDrain implements NodeDrain {
  private final NodeControl control;
  private volatile List<NodeDescriptor> members = List.of(); // written by the loop

  MonitorDrain(NodeControl control) {
    this.control = control;
  }

  /// Takes note of who is in the cluster.
  void members(List<NodeDescriptor> now) {
    members = List.copyOf(now);
  }

  @Override
  public Map<String, Standing> standings(Set<String> nodeIds) throws IOException {
    Map<String, Standing> standings = new HashMap<>();
    boolean isAnswered = false;
    for (NodeDescriptor member : members) {
      if (member.controlPort() == 0) {
        continue;
      }
      try {
        JsonObject answer = JsonObject.of(Json.read(control.status(member)));
        for (String id : nodeIds) {
          // What a node says of itself is no proof that the others have heard it.
          if (!id.equals(member.id())) {
            standings.merge(id, standing(id, answer), MonitorDrain::further);
          }
        }
        isAnswered = true;
      } catch (IOException | IllegalArgumentException _) {
        // The others may answer.
      }
    }
    if (!isAnswered || !standings.keySet().containsAll(nodeIds)) {
      throw new IOException("no other node answers, so how nodes stand is not known");
    }
    return standings;
  }

  private static Standing further(Standing one, Standing other) {
    return one.compareTo(other) >= 0 ? one : other;
  }

  private static Standing standing(String id, JsonObject answer) {
    for (JsonObject member : answer.objects("members")) {
      if (member.text("id").equals(id)) {
        if (member.bool("suspected")) {
          return Standing.LOST;
        }
        return member.text("state").equals("leaving") ? Standing.LEAVING : Standing.MEMBER;
      }
    }
    boolean isAbsent =
        answer.objects("absent").stream().anyMatch(absent -> absent.text("id").equals(id));
    return isAbsent ? Standing.LOST : Standing.OUT;
  }

  @Override
  public void leave(String nodeId, long epoch) throws IOException {
    Optional<NodeDescriptor> node =
        members.stream().filter(member -> member.id().equals(nodeId)).findFirst();
    if (node.isEmpty()) {
      throw new IOException("node " + nodeId + " is no member");
    }
    control.leave(node.get(), epoch);
  }
}
