package dev.trellis.faults;

import dev.trellis.client.CallOptions;
import dev.trellis.history.check.CheckResult;
import dev.trellis.history.check.ReplicaConvergence;
import dev.trellis.wire.Acknowledgement;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/// The same with `--ack one`: a node that ends takes with it what it had acknowledged and not yet
/// sent to others, which is what came in its last gossip epoch, and nothing else.
final class SetOneWorkload extends SetWorkload {
  /// For what is over when it should have been sent: a message or two that are under way, and a
  /// node that waits for a processor, of which there are fewer than processes here.
  static final Duration IN_FLIGHT = Duration.ofMillis(500);

  private final Duration ageMax;

  /// @param gossipEpoch of the nodes
  SetOneWorkload(Duration gossipEpoch) {
    super("set-one", CallOptions.DEFAULT.withAcknowledgement(Acknowledgement.ONE));
    this.ageMax = gossipEpoch.plus(IN_FLIGHT);
  }

  @Override
  List<Promise> promises(Fault fault, List<Ending> endings) {
    return List.of(
        new Promise(new LossCheck(ageMax, endings), true),
        new Promise(new ReplicaConvergence(), true));
  }

  @Override
  Optional<String> measured(List<CheckResult> results) {
    return LossCheck.summary(results);
  }
}
