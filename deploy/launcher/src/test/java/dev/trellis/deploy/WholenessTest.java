package dev.trellis.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.deploy.NodeAnswer.Member;
import dev.trellis.deploy.NodeAnswer.Shard;
import java.util.List;
import org.junit.jupiter.api.Test;

class WholenessTest {
  private static final Member ZERO = new Member("node-0", "memory", "active", false);
  private static final Member ONE = new Member("node-1", "memory", "active", false);
  private static final Member JOINING = new Member("node-2", "memory", "joining", false);
  private static final Member SUSPECTED = new Member("node-1", "memory", "active", true);

  private static NodeAnswer answer(
      Member self, int incomplete, List<Member> members, String... absent) {
    return new NodeAnswer(
        self.id(),
        self.state(),
        7,
        1,
        members,
        List.of(absent),
        List.of(new Shard(7, 8_192, 0, 0), new Shard(7, 8_192, incomplete, 0)));
  }

  private static void assertShort(String reason, NodeAnswer... answers) {
    Wholeness wholeness = Wholeness.of(List.of(answers));
    assertFalse(wholeness.isWhole());
    assertEquals(List.of(reason), wholeness.shortages());
  }

  @Test
  void twoCompleteNodesAreWholeWithTwoCopies() {
    List<Member> both = List.of(ZERO, ONE);
    Wholeness wholeness = Wholeness.of(List.of(answer(ZERO, 0, both), answer(ONE, 0, both)));
    assertTrue(wholeness.isWhole());
    assertEquals(2, wholeness.copies());
  }

  @Test
  void aNodeThatWasNeverTwoIsWholeWithOneCopy() {
    Wholeness wholeness = Wholeness.of(List.of(answer(ZERO, 0, List.of(ZERO))));
    assertTrue(wholeness.isWhole());
    assertEquals(1, wholeness.copies());
  }

  @Test
  void partitionsToFetchOfAFullMemberAreShortAndThoseOfAJoiningOneAreNot() {
    List<Member> three = List.of(ZERO, ONE, JOINING);
    assertTrue(
        Wholeness.of(
                List.of(
                    answer(ZERO, 0, three), answer(ONE, 0, three), answer(JOINING, 5_000, three)))
            .isWhole());
    assertShort(
        "node-1 has yet to fetch or compare 5,000 of its 16,384 partitions",
        answer(ZERO, 0, three),
        answer(ONE, 5_000, three),
        answer(JOINING, 0, three));
  }

  @Test
  void aMemberThatDoesNotAnswerIsMissed() {
    assertShort(
        "node-1 is suspected: it does not answer other nodes",
        answer(ZERO, 0, List.of(ZERO, SUSPECTED)));
    assertShort("node-1 does not tell how it is", answer(ZERO, 0, List.of(ZERO, ONE)));
    assertEquals(List.of("no node answers"), Wholeness.of(List.of()).shortages());
  }

  @Test
  void anAbsentNodeIsMissedOnlyWhereThereAreTooFewOthers() {
    assertShort(
        "each key has 1 of 2 copies, since node-1 is absent",
        answer(ZERO, 0, List.of(ZERO), "node-1"));
    List<Member> both = List.of(ZERO, ONE);
    assertTrue(
        Wholeness.of(List.of(answer(ZERO, 0, both, "node-3"), answer(ONE, 0, both, "node-3")))
            .isWhole());
  }

  @Test
  void aFormerNodeThatComesBackEmptyIsMissedUntilItHasJoined() {
    Member back = new Member("node-1", "memory", "joining", false);
    List<Member> both = List.of(ZERO, back);
    assertShort("each key has 1 of 2 copies", answer(ZERO, 0, both), answer(back, 12, both));
  }

  @Test
  void nodesThatKnowDifferentMembersOrHaveNotActedOnThemAreNotWhole() {
    String news = "the news of who is there has not reached all nodes yet";
    List<Member> both = List.of(ZERO, ONE);
    NodeAnswer behind =
        new NodeAnswer("node-1", "active", 6, 1, both, List.of(), List.of(new Shard(6, 9, 0, 0)));
    assertShort(news, answer(ZERO, 0, both), behind);
    NodeAnswer idle =
        new NodeAnswer("node-1", "active", 7, 1, both, List.of(), List.of(new Shard(6, 9, 0, 0)));
    assertShort(news, answer(ZERO, 0, both), idle);
  }
}
