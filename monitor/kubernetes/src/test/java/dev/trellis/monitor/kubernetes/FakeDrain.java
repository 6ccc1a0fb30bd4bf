package dev.trellis.monitor.kubernetes;

import dev.trellis.monitor.scaler.NodeDrain;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/// Nodes that leave when the test says that they are done.
final class FakeDrain implements NodeDrain {
  /// An order that a node got.
  record Told(String nodeId, long epoch) {}

  private final Map<String, Standing> standings = new HashMap<>();
  private final List<Told> told = new ArrayList<>();
  private Optional<String> silence = Optional.empty();
  private Optional<String> refusal = Optional.empty();

  /// Nodes that become members, or whatever else.
  FakeDrain are(Standing standing, String... nodeIds) {
    for (String nodeId : nodeIds) {
      standings.put(nodeId, standing);
    }
    return this;
  }

  /// From now on nobody answers.
  void fallSilent(String reason) {
    silence = Optional.of(reason);
  }

  /// From now on nodes do not leave, for this reason; empty for them to do.
  void refuse(Optional<String> reason) {
    refusal = reason;
  }

  List<Told> told() {
    return List.copyOf(told);
  }

  @Override
  public Map<String, Standing> standings(Set<String> nodeIds) throws IOException {
    if (silence.isPresent()) {
      throw new IOException(silence.get());
    }
    return nodeIds.stream()
        .collect(Collectors.toMap(id -> id, id -> standings.getOrDefault(id, Standing.OUT)));
  }

  @Override
  public void leave(String nodeId, long epoch) throws IOException {
    told.add(new Told(nodeId, epoch));
    if (refusal.isPresent()) {
      throw new IOException(refusal.get());
    }
    standings.put(nodeId, Standing.LEAVING);
  }
}
