package dev.trellis.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class NodeStatusTest {
  private static NodeStatus status(String id, String state, long incomplete, String suspected) {
    return NodeStatus.ofJson(
        """
        {"id": "%s", "state": "%s", "version": 7, "members": [
          {"id": "a", "suspected": %s}, {"id": "b", "suspected": false}],
         "shards": [{"shard": 0, "version": 7, "held": 9, "incomplete": %d, "surplus": 0}]}
        """
            .formatted(id, state, suspected, incomplete));
  }

  private static List<String> shortages(NodeStatus... answers) {
    return NodeStatus.shortages(Set.of("a", "b"), List.of(answers));
  }

  @Test
  void whatIsLeftToBeHandedOverKeepsAClusterFromRestAndNotFromBeingWhole() {
    NodeStatus gives =
        NodeStatus.ofJson(
            """
            {"id": "a", "state": "active", "version": 7, "members": [{"id": "a"}],
             "shards": [{"shard": 0, "version": 7, "incomplete": 0, "surplus": 2},
               {"shard": 1, "version": 7, "incomplete": 0, "surplus": 3}]}
            """);
    assertEquals(List.of(), NodeStatus.shortages(Set.of("a"), List.of(gives)));
    assertEquals(
        List.of("a has yet to hand over 5 partitions"), NodeStatus.surpluses(List.of(gives)));
  }

  @Test
  void aClusterIsWholeWhenAllAnswerAndHaveEverything() {
    NodeStatus one = status("a", "active", 0, "false");
    assertEquals(List.of(), shortages(one, status("b", "active", 0, "false")));
    assertEquals(List.of("no answer from [b]"), shortages(one));
    assertEquals(
        List.of("b is joining", "b has yet to fetch 3 partitions"),
        shortages(one, status("b", "joining", 3, "false")));
    assertEquals(List.of("b suspects [a]"), shortages(one, status("b", "active", 0, "true")));
    assertEquals(
        List.of("a knows [a, b]", "no answer from [c]"),
        NodeStatus.shortages(Set.of("a", "b", "c"), List.of(one, status("b", "active", 0, "false")))
            .stream()
            .filter(shortage -> !shortage.startsWith("b"))
            .toList());
  }
}
