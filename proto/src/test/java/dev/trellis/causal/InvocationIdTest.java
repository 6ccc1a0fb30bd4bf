package dev.trellis.causal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.testing.Seeds;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class InvocationIdTest {
  @Test
  void anIdTellsItsBirthInItsTextAndInItsName() {
    Seeds.forAll(
        1_000,
        random -> {
          long born = random.nextLong(InvocationId.BORN_MILLIS_MAX + 1);
          InvocationId id = InvocationId.mint(born, random);
          assertEquals(born, id.bornMillis());
          assertEquals(id, InvocationId.ofText(id.toString()));
          assertTrue(InvocationId.isOne(id.replica()));
          assertEquals(born, InvocationId.bornMillis(id.replica()));
          assertFalse(InvocationId.isOne(new ReplicaId(id.high(), random.nextInt(1 << 30))));
          InvocationId other = InvocationId.mint(random.nextLong(born + 1), random);
          assertEquals(
              Integer.signum(id.compareTo(other)),
              Integer.signum(id.replica().compareTo(other.replica())));
        });
  }

  @Test
  void whatIsNoIdIsRefusedWithTheReason() {
    assertEquals("invocation id 'abc' has 3 characters, not 32", whyNot("abc"));
    assertEquals(
        "invocation id '0192F4C2000000000000000000000001' has 'F', which is not 0 to 9 or a to f",
        whyNot("0192F4C2000000000000000000000001"));
    assertEquals(
        "invocation id ffffffffffffffff0000000000000001 is none: the first digit is 0 to 7, the"
            + " seventeenth 0 to 3",
        whyNot("ffffffffffffffff0000000000000001"));
  }

  private static String whyNot(String text) {
    return assertThrows(IllegalArgumentException.class, () -> InvocationId.ofText(text))
        .getMessage();
  }

  @Test
  void aTagNamesEachPositionOfEachMutationByADotOfItsOwn() {
    InvocationId id = new InvocationId(1L << 16, 5);
    assertEquals(new Dot(id.replica(), (3L << 20) + 2), new Tag(id, 3).dot(2));
    assertEquals(Tag.NUMBER_MAX, new Tag(id, Tag.NUMBER_MAX).dot(0).counter() >>> 20);
    assertThrows(IllegalArgumentException.class, () -> new Tag(id, 0));
    assertThrows(IllegalArgumentException.class, () -> new Tag(id, 1).dot(Tag.POSITIONS_MAX));
  }

  @Test
  void aContextTellsTheDotsOfOldInvocations() {
    Seeds.forAll(
        1_000,
        random -> {
          List<Dot> dots = new ArrayList<>();
          List<Dot> old = new ArrayList<>();
          long bornBefore = random.nextInt(5);
          for (int left = random.nextInt(8); left > 0; left--) {
            InvocationId id = new InvocationId((long) random.nextInt(5) << 16, random.nextInt(2));
            ReplicaId shard = new ReplicaId(random.nextInt(-1, 5) << 16, random.nextInt(3));
            boolean ofShard = random.nextBoolean();
            Dot dot = new Dot(ofShard ? shard : id.replica(), random.nextInt(1, 4));
            dots.add(dot);
            if (!ofShard && id.bornMillis() < bornBefore) {
              old.add(dot);
            }
          }
          assertEquals(
              CausalContext.ofDots(old),
              CausalContext.ofDots(dots).ofInvocationsBefore(bornBefore));
        });
  }
}
