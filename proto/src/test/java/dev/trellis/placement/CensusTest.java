package dev.trellis.placement;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.trellis.placement.Census.Word;
import dev.trellis.wire.Frame;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class CensusTest {
  private static final NodeDescriptor A = member("a", 1, State.ACTIVE);
  private static final NodeDescriptor B = member("b", 1, State.ACTIVE);
  private static final NodeDescriptor C = member("c", 1, State.ACTIVE);
  private static final NodeDescriptor D = member("d", 1, State.ACTIVE);

  private static NodeDescriptor member(String id, long incarnation, State state) {
    return new NodeDescriptor(
        id, Tier.MEMORY, id, List.of(7502), 7501, incarnation, 1, state, "", 7500);
  }

  /// A node that stands alone.
  private static NodeDescriptor single(String id) {
    return new NodeDescriptor(id, Tier.MEMORY, id, List.of(1), 2, 1, 1, State.ACTIVE);
  }

  private static Word says(String id, NodeDescriptor... seen) {
    return word(id, true, 1, seen);
  }

  private static Word saidOnce(String id, NodeDescriptor... seen) {
    return word(id, false, 1, seen);
  }

  private static Word word(String id, boolean answers, int faultTolerance, NodeDescriptor... seen) {
    Frame.ClusterMap map =
        new Frame.ClusterMap(1, 1, "trellis", faultTolerance, Arrays.asList(seen));
    return new Word(id, map, answers);
  }

  private static List<NodeDescriptor> members(Word... words) {
    List<Word> all = new ArrayList<>(Arrays.asList(words));
    List<NodeDescriptor> members = Census.of(all).members();
    Random random = new Random(1);
    for (int i = 0; i < 5; i++) {
      Collections.shuffle(all, random);
      assertEquals(members, Census.of(all).members(), "the order of the words does not matter");
    }
    return members;
  }

  @Test
  void withoutAWordThereIsNobody() {
    assertEquals(new Census(List.of(), Census.FAULT_TOLERANCE_UNKNOWN), Census.of(List.of()));
  }

  @Test
  void oneNodeThatAnswersKnowsAll() {
    assertEquals(List.of(A, B, C), members(says("b", C, B, A)));
  }

  @Test
  void whoDoesNotAnswerIsInAsLongAsAnyNodeListsIt() {
    assertEquals(
        List.of(A, B, C), members(says("a", A, B), says("b", A, B, C), saidOnce("c", A, B, C)));
  }

  @Test
  void whoDoesNotAnswerIsOutWhenNoNodeListsItWhateverItSaidItself() {
    assertEquals(
        List.of(A, B), members(says("a", A, B), says("b", A, B), saidOnce("c", A, B, C, D)));
  }

  @Test
  void whoAnswersIsInWhateverTheOthersSay() {
    assertEquals(List.of(A, B, C), members(says("a", A, B), says("b", A, B), says("c", C)));
  }

  @Test
  void bothSidesOfASplitAreIn() {
    assertEquals(
        List.of(A, B, C, D),
        members(says("a", A, B), says("b", A, B), says("c", C, D), says("d", C, D)));
  }

  @Test
  void whatANodeSaysOfItselfHolds() {
    NodeDescriptor leaving = member("c", 1, State.LEAVING);
    assertEquals(
        List.of(A, B, leaving),
        members(says("a", A, B, C), says("b", A, B, C), says("c", A, B, leaving)));
  }

  @Test
  void ofWhoDoesNotAnswerHoldsWhatMostSayAndElseWhatIsFurtherOn() {
    NodeDescriptor joining = member("c", 1, State.JOINING);
    assertEquals(
        List.of(A, B, joining, D),
        members(says("a", A, B, joining, D), says("b", A, B, joining, D), says("d", A, B, C, D)));
    assertEquals(List.of(A, B, C), members(says("a", A, B, joining), says("b", A, B, C)));
  }

  @Test
  void aRestartedNodeIsTheOneThatAnswers() {
    NodeDescriptor anew = member("b", 2, State.JOINING);
    assertEquals(List.of(A, anew), members(says("a", A, B), says("b", A, anew)));
  }

  @Test
  void aNodeThatStandsAloneStaysWhenItFallsSilentSinceNobodyElseCanTell() {
    NodeDescriptor one = single("s1");
    NodeDescriptor two = single("s2");
    assertEquals(List.of(one, two), members(says("s1", one), saidOnce("s2", two)));
  }

  @Test
  void aNodeWithTwoAddressesHasOneWordTheLatest() {
    assertEquals(List.of(A, B), members(saidOnce("a", A, B, C), says("a", A, B), says("b", A, B)));
  }

  @Test
  void theFaultToleranceIsWhatMostSayAndElseTheGreater() {
    assertEquals(
        1,
        Census.of(List.of(word("a", true, 1), word("b", true, 2), word("c", true, 1)))
            .faultTolerance());
    assertEquals(2, Census.of(List.of(word("a", true, 1), word("b", true, 2))).faultTolerance());
    assertEquals(0, Census.of(List.of(word("a", true, 0), word("b", false, 2))).faultTolerance());
  }
}
