package dev.trellis.node.control;

import dev.trellis.node.membership.Membership;
import dev.trellis.node.membership.MembershipView;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.NodeDescriptor.State;
import io.prometheus.client.Collector;
import java.util.ArrayList;
import java.util.List;

/// What a node sees of its cluster, and what its control plane counts, in Prometheus' form.
final class ControlMetrics extends Collector {
  private final Membership membership;
  private final ControlTallies tallies;

  ControlMetrics(Membership membership, ControlTallies tallies) {
    this.membership = membership;
    this.tallies = tallies;
  }

  @Override
  public List<MetricFamilySamples> collect() {
    MembershipView view = membership.view();
    List<MetricFamilySamples> families = new ArrayList<>();
    families.add(members(view));
    add(
        families,
        Type.GAUGE,
        "trellis_members_suspected",
        "Members that do not answer.",
        view.suspected().size());
    add(
        families,
        Type.GAUGE,
        "trellis_members_absent",
        "Nodes that were removed and may come back with data.",
        view.absent().size());
    add(
        families,
        Type.GAUGE,
        "trellis_members_gone",
        "Incarnations remembered as gone for good.",
        view.gone().size());
    add(
        families,
        Type.GAUGE,
        "trellis_fault_tolerance",
        "Lost nodes that the cluster is to survive.",
        view.topology().faultTolerance());
    add(
        families,
        Type.COUNTER,
        "trellis_control_received",
        "Messages received on the control port.",
        tallies.received.sum());
    add(
        families,
        Type.COUNTER,
        "trellis_control_sent",
        "Messages sent by the control plane.",
        tallies.sent.sum());
    add(
        families,
        Type.COUNTER,
        "trellis_control_dropped",
        "Messages of the control plane dropped, as nobody was connected or a queue was full.",
        tallies.dropped.sum());
    add(
        families,
        Type.COUNTER,
        "trellis_control_malformed",
        "Messages on the control port that no node sends.",
        tallies.malformed.sum());
    add(
        families,
        Type.COUNTER,
        "trellis_control_refused",
        "Messages of nodes that are not taken as members.",
        tallies.refused.sum());
    return families;
  }

  private static MetricFamilySamples members(MembershipView view) {
    List<MetricFamilySamples.Sample> samples = new ArrayList<>();
    for (State state : State.values()) {
      long count =
          view.topology().members().stream()
              .map(NodeDescriptor::state)
              .filter(one -> one == state)
              .count();
      samples.add(
          new MetricFamilySamples.Sample(
              "trellis_members", List.of("state"), List.of(state.word()), count));
    }
    return new MetricFamilySamples(
        "trellis_members", Type.GAUGE, "Members of the cluster, this node included.", samples);
  }

  private static void add(
      List<MetricFamilySamples> families, Type type, String name, String help, long value) {
    String sample = type == Type.COUNTER ? name + "_total" : name;
    families.add(
        new MetricFamilySamples(
            name,
            type,
            help,
            List.of(new MetricFamilySamples.Sample(sample, List.of(), List.of(), value))));
  }
}
