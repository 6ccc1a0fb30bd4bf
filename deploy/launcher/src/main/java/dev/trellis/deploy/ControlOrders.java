package dev.trellis.deploy;

import dev.trellis.cli.Json;
import dev.trellis.cli.JsonObject;
import dev.trellis.monitor.NodeControl;
import dev.trellis.monitor.scaler.NodeDrain;
import dev.trellis.node.control.ControlClient;
import dev.trellis.node.control.OrderRefusedException;
import dev.trellis.process.CurveKeys;
import dev.trellis.wire.NodeDescriptor;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/// The orders of a monitor, given to the control ports of nodes.
final class ControlOrders implements NodeControl {
  private static final Duration TIMEOUT = Duration.ofSeconds(2);

  private final Optional<CurveKeys> keys;

  /// @param keys of the monitor; empty if security is off
  ControlOrders(Optional<CurveKeys> keys) {
    this.keys = keys;
  }

  @Override
  public Claimed claim(NodeDescriptor node, long epoch) throws IOException {
    ControlClient client = new ControlClient(node.host(), node.controlPort(), TIMEOUT, keys);
    try {
      JsonObject answer = JsonObject.of(Json.read(client.claim(epoch)));
      return new Claimed(answer.whole("epoch"), answer.whole("ageMillis"));
    } catch (OrderRefusedException e) {
      throw new RefusedException(String.valueOf(e.getMessage()));
    } catch (IllegalArgumentException e) {
      throw new IOException("node " + node.id() + " answers something else: " + e.getMessage(), e);
    }
  }

  @Override
  public NodeDrain drain(Supplier<List<NodeDescriptor>> members) {
    return new ControlDrain(members, TIMEOUT, keys);
  }
}
