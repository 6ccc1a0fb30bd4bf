package dev.trellis.placement;

import dev.trellis.wire.Frame;
import dev.trellis.wire.NodeDescriptor;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Who is in a cluster, by what its nodes say, for those that are no members and ask: routers and
/// clients. Pure; the order of the words does not matter.
///
/// The nodes decide among themselves who is a member, so who does not answer the one that asks is
/// in as long as any node that answers lists it, and out when none does. A node that answers lists
/// itself, and is in. So where the nodes disagree, as they do for a moment at each change and for
/// longer while the network is split, everybody is in whom anyone can reach: each side of a split
/// serves what it holds.
///
/// A node without a control port stands alone; nobody else can say that it is gone, so its own last
/// word holds.
///
/// What is told of a member is its own word if it answers. Else it is what most others say, and of
/// equally many the one further on: LEAVING before ACTIVE before JOINING.
///
/// @param members ascending by id
/// @param faultTolerance the number of lost nodes to survive, as most say; of equally many the
///   greater; [#FAULT_TOLERANCE_UNKNOWN] if nobody answers
public record Census(List<NodeDescriptor> members, int faultTolerance) {
  /// What is assumed before anybody was heard.
  public static final int FAULT_TOLERANCE_UNKNOWN = 1;

  /// What a node says, or said last.
  ///
  /// @param nodeId who says it
  /// @param map the members as that node sees them
  /// @param answers whether it said so just now, and not some time ago
  public record Word(String nodeId, Frame.ClusterMap map, boolean answers) {}

  public Census {
    members = List.copyOf(members);
  }

  /// Counts. O(W × M log M) for W words of M members.
  public static Census of(Collection<Word> words) {
    Map<String, NodeDescriptor> own = new HashMap<>();
    TreeMap<String, List<NodeDescriptor>> told = new TreeMap<>();
    Map<Integer, Integer> tolerances = new HashMap<>();
    Set<String> heard = new HashSet<>(); // a node with two addresses has one word
    for (Word word : words.stream().sorted(ORDER).toList()) {
      if (!heard.add(word.nodeId)) {
        continue;
      }
      if (word.answers) {
        tolerances.merge(word.map.faultTolerance(), 1, Integer::sum);
      }
      for (NodeDescriptor node : word.map.nodes()) {
        boolean isSelf = node.id().equals(word.nodeId);
        if (isSelf && (word.answers || node.controlPort() == 0)) {
          own.put(node.id(), node);
        }
        if (word.answers || (isSelf && node.controlPort() == 0)) {
          told.computeIfAbsent(node.id(), fresh -> new ArrayList<>()).add(node);
        }
      }
    }
    List<NodeDescriptor> members = new ArrayList<>();
    told.forEach(
        (id, descriptors) -> {
          @Nullable NodeDescriptor itself = own.get(id);
          members.add(itself == null ? mostCommon(descriptors) : itself);
        });
    int faultTolerance =
        tolerances.entrySet().stream()
            .max(
                Map.Entry.<Integer, Integer>comparingByValue()
                    .thenComparing(Map.Entry.comparingByKey()))
            .map(Map.Entry::getKey)
            .orElse(FAULT_TOLERANCE_UNKNOWN);
    return new Census(members, faultTolerance);
  }

  /// Who answers first; then an order that is the same for everybody.
  private static final Comparator<Word> ORDER =
      Comparator.comparing((Word word) -> !word.answers)
          .thenComparing(Word::nodeId)
          .thenComparing(word -> word.map.nodes().toString());

  private static NodeDescriptor mostCommon(List<NodeDescriptor> descriptors) {
    Map<NodeDescriptor, Integer> votes = new HashMap<>();
    descriptors.forEach(descriptor -> votes.merge(descriptor, 1, Integer::sum));
    return votes.entrySet().stream()
        .max(
            Map.Entry.<NodeDescriptor, Integer>comparingByValue()
                .thenComparingInt(vote -> vote.getKey().state().number())
                .thenComparingLong(vote -> vote.getKey().incarnation())
                .thenComparing(vote -> vote.getKey().toString()))
        .map(Map.Entry::getKey)
        .orElseThrow();
  }
}
