package dev.trellis.execution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.ReplicaId;
import dev.trellis.causal.Tag;
import dev.trellis.lattice.CausalRegister;
import dev.trellis.lattice.Counter;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Log;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import dev.trellis.wire.Threshold;
import dev.trellis.wire.View;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// An invocation that is run twice leaves what one run leaves, wherever and whenever it is run.
class TaggedRetryTest {
  private static final InvocationId INVOCATION = new InvocationId(1_000L << 16, 7);
  private static final ReplicaId TAKER = new ReplicaId(9, 0);
  private static final Payload A = Payload.ofText("a");
  private static final Payload B = Payload.ofText("b");
  private static final Payload F = Payload.ofText("f");

  /// What a function does to one key, with mutations that are named by the shard unless a tag names
  /// them, and what somebody else does at any time.
  enum Function {
    COUNTER(
        List.of(new Mutation.Increment(5), new Mutation.Increment(-2)),
        new Mutation.Increment(100)),
    LOG(
        List.of(new Mutation.Append(List.of(A, B)), new Mutation.Append(List.of(A))),
        new Mutation.Append(List.of(F))),
    ORSET(
        List.of(
            new Mutation.Add(Kind.ORSET, List.of(A, B)), new Mutation.Add(Kind.ORSET, List.of(B))),
        new Mutation.Add(Kind.ORSET, List.of(F))),
    CAUSAL(
        List.of(
            new Mutation.PutCausal(A, CausalContext.EMPTY),
            new Mutation.PutCausal(B, CausalContext.EMPTY)),
        new Mutation.PutCausal(F, CausalContext.EMPTY)),
    MULTICAUSAL(
        List.of(
            new Mutation.PutMultiCausal(A, CausalContext.EMPTY, Map.of()),
            new Mutation.PutMultiCausal(B, CausalContext.EMPTY, Map.of())),
        new Mutation.PutMultiCausal(F, CausalContext.EMPTY, Map.of())),
    FIELD(
        List.of(
            new Mutation.UpdateField(F, new Mutation.Increment(5)),
            new Mutation.UpdateField(A, new Mutation.Append(List.of(B)))),
        new Mutation.UpdateField(F, new Mutation.Increment(100))),
    GSET(
        List.of(
            new Mutation.Add(Kind.GSET, List.of(A)), new Mutation.Add(Kind.GSET, List.of(A, B))),
        new Mutation.Add(Kind.GSET, List.of(F))),
    MAX(List.of(new Mutation.Raise(4), new Mutation.Raise(3)), new Mutation.Raise(2)),
    PRIORITY(
        List.of(new Mutation.PutPriority(3, A), new Mutation.PutPriority(2, B)),
        new Mutation.PutPriority(4, F));

    @SuppressWarnings("ImmutableEnumChecker") // lists of records
    private final List<Mutation> mutations;

    @SuppressWarnings("ImmutableEnumChecker")
    private final Mutation ofOthers;

    Function(List<Mutation> mutations, Mutation ofOthers) {
      this.mutations = mutations;
      this.ofOthers = ofOthers;
    }
  }

  /// A shard in one of its lives.
  private static final class Replica {
    private final int index;
    private Entry entry = Entry.BOTTOM;
    private long incarnation;
    private long births;

    Replica(int index) {
      this.index = index;
      this.incarnation = index;
    }

    EntryWriter.Written write(Mutation mutation, Optional<Tag> tag, long millis) {
      WriteContext context =
          new WriteContext(
              HybridTimestamp.ofMillis(millis),
              index,
              0,
              millis,
              HybridTimestamp.ofMillis(millis),
              incarnation,
              0,
              () -> births++,
              List.of(),
              0,
              tag);
      try {
        EntryWriter.Written written =
            new EntryWriter(context).write(entry, HybridTimestamp.ZERO, mutation, "key k", 0);
        entry = written.after();
        return written;
      } catch (Refusal e) {
        throw new AssertionError(e);
      }
    }

    /// Loses what it had.
    void restart() {
      entry = Entry.BOTTOM;
      incarnation += 10;
    }
  }

  /// What a reader sees, without the order of a log's records, which is that of the last run's.
  private static Object shown(Entry entry) {
    try {
      View view = EntryReader.read(entry, Read.Get.ANY, 5_000, "key k");
      return switch (view) {
        case View.Records records ->
            records.records().stream().map(r -> r.value().text()).sorted().toList();
        case View.Siblings siblings ->
            siblings.siblings().stream().map(View.Sibling::value).sorted().toList();
        case View.Fields fields -> {
          Map<Payload, Object> all = new TreeMap<>();
          fields.fields().forEach((name, inner) -> all.put(name, plain(inner)));
          yield all;
        }
        default -> view;
      };
    } catch (Refusal e) {
      throw new AssertionError(e);
    }
  }

  private static Object plain(View.Field view) {
    return view.view() instanceof View.Records records
        ? records.records().stream().map(r -> r.value().text()).sorted().toList()
        : view;
  }

  /// One thing that happens; a schedule is three runs of a function, cut off anywhere, and the
  /// exchange of states and crashes in between.
  private static final int EXCHANGES = 4;

  @ParameterizedTest
  @EnumSource
  void aFunctionThatIsRunAgainAnywhereLeavesWhatOneRunLeaves(Function function) {
    Replica alone = new Replica(0);
    for (int number = 1; number <= 2; number++) {
      alone.write(
          function.mutations.get(number - 1), Optional.of(new Tag(INVOCATION, number)), 2_000);
    }
    Replica stranger = new Replica(5);
    stranger.write(function.ofOthers, Optional.empty(), 2_050);
    Object once = shown(alone.entry.merge(stranger.entry));
    int schedules = 0;
    // First where the first run stops, and at which of two replicas its mutations are; then what
    // the replicas tell each other, who crashes, and where the second run's mutations go.
    for (int stopped = 0; stopped <= 2; stopped++) {
      for (int places = 0; places < 16; places++) {
        for (int told = 0; told < EXCHANGES * EXCHANGES; told++) {
          for (int crashed = 0; crashed < 3; crashed++) {
            for (int other = 0; other < 3; other++) {
              schedules++;
              Replica[] replicas = {new Replica(1), new Replica(2)};
              List<Entry> lost = new ArrayList<>(); // sent before a crash, and still on its way
              for (int number = 1; number <= stopped; number++) {
                run(function, number, replicas[places >> (number - 1) & 1], 2_000);
              }
              others(function, replicas, other, 0);
              exchange(replicas, told % EXCHANGES);
              if (crashed < 2) {
                lost.add(replicas[crashed].entry);
                replicas[crashed].restart();
              }
              others(function, replicas, other, 1);
              for (int number = 1; number <= 2; number++) {
                run(function, number, replicas[places >> (number + 1) & 1], 2_100);
              }
              exchange(replicas, told / EXCHANGES);
              others(function, replicas, other, 2);
              Entry all = replicas[0].entry.merge(replicas[1].entry);
              for (Entry late : lost) {
                all = all.merge(late);
              }
              assertEquals(
                  once,
                  shown(all),
                  "stopped after "
                      + stopped
                      + ", at "
                      + Integer.toBinaryString(places)
                      + ", told "
                      + told
                      + ", crashed "
                      + crashed
                      + ", others "
                      + other
                      + ": "
                      + all);
            }
          }
        }
      }
    }
    assertEquals(3 * 16 * 16 * 3 * 3, schedules);
  }

  private static void run(Function function, int number, Replica replica, long millis) {
    Mutation mutation = function.mutations.get(number - 1);
    replica.write(mutation, Optional.of(new Tag(INVOCATION, number)), millis);
  }

  /// Somebody else writes once, at the moment that is drawn.
  private static void others(Function function, Replica[] replicas, int wanted, int moment) {
    if (wanted == moment) {
      replicas[1].write(function.ofOthers, Optional.empty(), 2_050);
    }
  }

  private static void exchange(Replica[] replicas, int which) {
    Entry first = replicas[0].entry;
    if ((which & 1) != 0) {
      replicas[0].entry = first.merge(replicas[1].entry);
    }
    if ((which & 2) != 0) {
      replicas[1].entry = replicas[1].entry.merge(first);
    }
  }

  @Test
  void withoutTagsTheSameSchedulesCountTwice() {
    Replica replica = new Replica(1);
    replica.write(new Mutation.Increment(5), Optional.empty(), 2_000);
    replica.write(new Mutation.Increment(5), Optional.empty(), 2_100);
    assertEquals(new View.Whole(10), shown(replica.entry));
  }

  @Test
  void aRecordThatWasTrimmedIsNotDeliveredAgain() {
    Replica replica = new Replica(1);
    Replica other = new Replica(2);
    Mutation append = new Mutation.Append(List.of(A));
    Optional<Tag> tag = Optional.of(new Tag(INVOCATION, 1));
    CausalContext dots = replica.write(append, tag, 2_000).dots();
    replica.write(new Mutation.Trim(dots), Optional.empty(), 2_010);
    assertEquals(0, replica.write(append, tag, 2_020).changed());
    other.write(append, tag, 2_020);
    Entry all = other.entry.merge(replica.entry);
    assertEquals(0, ((Log) all.value(Kind.LOG).orElseThrow()).size());
    assertEquals(all, replica.entry.merge(other.entry));
  }

  @Test
  void aShardDoesNotWriteUnderTheNameOfAnInvocationThatIsMadeUpAfterItsOwn() {
    Replica replica = new Replica(1);
    ReplicaId made = new ReplicaId(1, new InvocationId(1, 7).replica().birth());
    CausalContext all = CausalContext.ofDots(List.of(new Dot(made, Long.MAX_VALUE)));
    replica.write(new Mutation.Trim(all), Optional.empty(), 2_000);
    CausalContext dots =
        replica.write(new Mutation.Append(List.of(A)), Optional.empty(), 2_010).dots();
    assertFalse(InvocationId.isOne(dots.runs().iterator().next().replica()), dots::toString);
  }

  @Test
  void anElementThatWasRemovedIsNotAddedAgainAndARemovalIsNotDoneAgain() {
    Replica replica = new Replica(1);
    Mutation add = new Mutation.Add(Kind.ORSET, List.of(A));
    Mutation remove = new Mutation.Remove(List.of(A));
    replica.write(add, Optional.of(new Tag(INVOCATION, 1)), 2_000);
    replica.write(remove, Optional.of(new Tag(INVOCATION, 2)), 2_010);
    replica.write(add, Optional.of(new Tag(INVOCATION, 1)), 2_020);
    assertEquals(new View.Elements(List.of()), shown(replica.entry));
    replica.write(add, Optional.empty(), 2_030);
    assertEquals(0, replica.write(remove, Optional.of(new Tag(INVOCATION, 2)), 2_040).changed());
    assertEquals(new View.Elements(List.of(A)), shown(replica.entry));
  }

  @Test
  void aRetryThatHasReadItsOwnPutDoesNotReplaceWhatReplacedThat() {
    Replica replica = new Replica(1);
    Replica lagging = new Replica(2);
    Optional<Tag> tag = Optional.of(new Tag(INVOCATION, 1));
    replica.write(new Mutation.PutCausal(A, CausalContext.EMPTY), tag, 2_000);
    CausalContext read = context(replica.entry);
    replica.write(new Mutation.PutCausal(B, read), Optional.empty(), 2_010);
    lagging.write(new Mutation.PutCausal(A, context(replica.entry)), tag, 2_020);
    assertEquals(
        List.of(B), shown(replica.entry.merge(lagging.entry)), "what replaced it is there");
  }

  private static CausalContext context(Entry entry) {
    return ((CausalRegister) entry.value(Kind.CAUSAL).orElseThrow()).context();
  }

  @Test
  void ofTwoThingsUnderOneTagOneCountsTheSameEverywhereAndItIsNoticed() {
    Optional<Tag> tag = Optional.of(new Tag(INVOCATION, 1));
    for (List<Mutation> unequal :
        List.of(
            List.<Mutation>of(new Mutation.Increment(5), new Mutation.Increment(7)),
            List.<Mutation>of(new Mutation.Append(List.of(A)), new Mutation.Append(List.of(B))),
            List.<Mutation>of(
                new Mutation.Add(Kind.ORSET, List.of(A)), new Mutation.Add(Kind.ORSET, List.of(B))),
            List.<Mutation>of(
                new Mutation.PutCausal(A, CausalContext.EMPTY),
                new Mutation.PutCausal(B, CausalContext.EMPTY)))) {
      Replica replica = new Replica(1);
      Replica other = new Replica(2);
      assertFalse(replica.write(unequal.get(0), tag, 2_000).differs());
      other.write(unequal.get(1), tag, 2_010);
      Entry all = replica.entry.merge(other.entry);
      assertEquals(all, other.entry.merge(replica.entry));
      assertTrue(replica.write(unequal.get(1), tag, 2_010).differs());
      assertEquals(shown(all), shown(replica.entry), "at one replica as at two");
      Replica once = new Replica(3);
      once.write(unequal.get(1), tag, 2_010);
      assertEquals(shown(once.entry), shown(all), "the greater one, and nothing of the other");
    }
  }

  // ---- Counters whose old additions are folded ----

  private static Optional<Tag> tag(long bornMillis, int number) {
    return Optional.of(new Tag(new InvocationId(bornMillis << 16, 7), number));
  }

  private static void add(Replica replica, long by, long bornMillis, int number) {
    replica.write(new Mutation.Increment(by), tag(bornMillis, number), bornMillis + 100);
  }

  private static Entry folded(Entry entry, long bornBefore) {
    Entry folded = entry.withoutTombstones(HybridTimestamp.ZERO, bornBefore);
    assertEquals(Entry.BOTTOM, folded.tombstones(HybridTimestamp.ZERO, bornBefore));
    return folded;
  }

  /// All copies are lost after a backup; counting begins anew, and is folded; then what the backup
  /// has is merged again.
  @Test
  void whatWasFoldedBeforeALossAndAfterItStandsSideBySide() {
    Replica replica = new Replica(1);
    add(replica, 5, 1_000, 1);
    add(replica, -2, 1_000, 2);
    Entry backup = folded(replica.entry, 1_500);
    replica.restart();
    add(replica, 40, 2_000, 1);
    assertEquals(new View.Whole(43), shown(replica.entry.merge(backup)));
    replica.entry = folded(replica.entry, 2_500);
    assertEquals(new View.Whole(43), shown(replica.entry.merge(backup)));
    assertEquals(new View.Whole(43), shown(backup.merge(replica.entry)));
    assertEquals(
        replica.entry.merge(backup), replica.entry.merge(backup).merge(backup), "and once");
  }

  @Test
  void whatABackupHasStillByTagIsNotTakenForFoldedInWhatCameAfterTheLoss() {
    Replica replica = new Replica(1);
    add(replica, 5, 1_000, 1);
    Entry backup = replica.entry;
    replica.restart();
    add(replica, 40, 2_000, 1);
    replica.entry = folded(replica.entry, 2_500);
    assertEquals(new View.Whole(45), shown(replica.entry.merge(backup)));
    assertEquals(new View.Whole(45), shown(folded(replica.entry.merge(backup), 2_500)));
  }

  /// Without a loss, what is in the backup is in what the cluster has since folded.
  @Test
  void aBackupThatIsMergedIntoWhatWentOnFromItAddsNothing() {
    Replica replica = new Replica(1);
    add(replica, 5, 1_000, 1);
    Entry unfolded = replica.entry;
    Entry early = folded(replica.entry, 1_500);
    add(replica, 40, 2_000, 1);
    replica.entry = folded(replica.entry, 1_500);
    Entry late = folded(replica.entry, 2_500);
    for (Entry backup : List.of(unfolded, early, replica.entry)) {
      assertEquals(late, late.merge(backup));
      assertEquals(late, backup.merge(late));
    }
  }

  /// The one thing that a sum can't tell: which mutations are in it.
  @Test
  void whatWasRunAgainAfterALossCountsOnceByTagAndTwiceIfItIsInASumBeforeTheBackupComes() {
    Replica replica = new Replica(1);
    add(replica, 5, 1_000, 1);
    Entry backup = replica.entry;
    replica.restart();
    add(replica, 5, 1_000, 1);
    assertEquals(new View.Whole(5), shown(replica.entry.merge(backup)));
    assertEquals(new View.Whole(5), shown(folded(replica.entry.merge(backup), 1_500)));
    assertEquals(new View.Whole(10), shown(folded(replica.entry, 1_500).merge(backup)));
    assertEquals(new View.Whole(10), shown(replica.entry.merge(folded(backup, 1_500))));
  }

  @Test
  void whatIsAddedUnderTagsCountsForThresholdsAsWithoutAndStaysWhenItIsFolded() throws Refusal {
    Replica replica = new Replica(1);
    add(replica, 5, 1_000, 1);
    add(replica, -3, 1_000, 2);
    add(replica, 2, 1_000, 3);
    add(replica, 2, 1_000, 3);
    replica.write(new Mutation.Increment(4), Optional.empty(), 2_000);
    Threshold eleven = new Threshold.AtLeast(Kind.COUNTER, 11);
    Threshold twelve = new Threshold.AtLeast(Kind.COUNTER, 12);
    for (Entry entry : List.of(replica.entry, folded(replica.entry, 1_500))) {
      assertEquals(new View.Whole(8), shown(entry));
      assertEquals(
          Optional.of(new View.Whole(11)), ThresholdReader.read(entry, eleven, 5_000, "key k"));
      assertEquals(Optional.empty(), ThresholdReader.read(entry, twelve, 5_000, "key k"));
      assertEquals("it is at 11", ThresholdReader.shortfall(entry, twelve, 5_000));
    }
  }

  @Test
  void additionsOfMoreThan64BitsInAllAreFoldedToo() {
    Replica replica = new Replica(1);
    Replica other = new Replica(2);
    add(replica, Long.MAX_VALUE, 1_000, 1);
    add(other, Long.MAX_VALUE, 1_000, 2);
    replica.entry = folded(replica.entry.merge(other.entry), 1_500);
    Counter counter = (Counter) replica.entry.value(Kind.COUNTER).orElseThrow();
    assertEquals(0, counter.taggedCount());
    assertEquals(new View.Whole(Long.MAX_VALUE), shown(replica.entry));
    add(replica, -Long.MAX_VALUE, 2_000, 1);
    add(replica, -3, 2_000, 2);
    assertEquals(new View.Whole(Long.MAX_VALUE - 3), shown(replica.entry), "it comes back");
    assertEquals(new View.Whole(Long.MAX_VALUE - 3), shown(folded(replica.entry, 2_500)));
  }

  @Test
  void aCounterTakesSoManyAdditionsByTagAndThenSaysWhatToDo() {
    int most = Limits.TAGGED_BYTES_MAX / Counter.WEIGHT_PER_TAG;
    Map<Tag, Long> tagged = new TreeMap<>();
    for (int number = 1; number <= most; number++) {
      tagged.put(new Tag(INVOCATION, number), 1L);
    }
    Entry full =
        Entry.of(HybridTimestamp.ZERO, Counter.of(Map.of(), Map.of(), Map.of(TAKER, tagged)));
    Refusal refusal = refusal(full, new Tag(INVOCATION, most + 1));
    assertEquals(ErrorCode.VALUE_TOO_LARGE, refusal.outcome().code());
    assertTrue(refusal.getMessage().startsWith("key k has 26214 additions by invocations"));
    Replica replica = new Replica(1);
    replica.entry = full;
    assertEquals(
        0,
        replica
            .write(new Mutation.Increment(1), Optional.of(new Tag(INVOCATION, most)), 2_000)
            .changed(),
        "again is no more");
  }

  @Test
  void aTagOfAnAgeThatIsFoldedIsRefused() {
    Counter.Fold fold = new Counter.Fold(1_001, BigInteger.TWO, BigInteger.ONE);
    Entry folded =
        Entry.of(HybridTimestamp.ZERO, Counter.of(Map.of(), Map.of(TAKER, fold), Map.of()));
    assertEquals(
        ErrorCode.INVOCATION_EXPIRED, refusal(folded, new Tag(INVOCATION, 1)).outcome().code());
  }

  private static Refusal refusal(Entry entry, Tag tag) {
    HybridTimestamp now = HybridTimestamp.ofMillis(2_000);
    WriteContext context =
        new WriteContext(now, 1, 0, 2_000, now, 1, 0, () -> 0, List.of(), 0, Optional.of(tag));
    return assertThrows(
        Refusal.class,
        () ->
            new EntryWriter(context)
                .write(entry, HybridTimestamp.ZERO, new Mutation.Increment(1), "key k", 0));
  }

  @Test
  void everyKindOfMutationSaysWhetherATagNamesIt() {
    assertEquals(
        List.of(true, true, false, false),
        Arrays.asList(
            Mutation.isNamedByTag(new Mutation.Increment(1)),
            Mutation.isNamedByTag(new Mutation.UpdateField(F, new Mutation.Append(List.of(A)))),
            Mutation.isNamedByTag(new Mutation.Delete()),
            Mutation.isNamedByTag(new Mutation.Put(A))));
  }
}
