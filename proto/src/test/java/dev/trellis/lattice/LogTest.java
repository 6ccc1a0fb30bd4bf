package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.ReplicaId;
import dev.trellis.testing.Seeds;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class LogTest extends LatticeLaws<Log> {
  @Override
  Log generate(RandomGenerator random) {
    return Samples.log(random);
  }

  @Override
  Model<Log> model() {
    return new Models.Records();
  }

  private static final ReplicaId A = new ReplicaId(1, 0);
  private static final ReplicaId B = new ReplicaId(2, 0);
  private static final HybridTimestamp EARLY = HybridTimestamp.ofMillis(1);
  private static final HybridTimestamp LATE = HybridTimestamp.ofMillis(2);

  private static List<Payload> records(String... texts) {
    return List.of(texts).stream().map(Payload::ofText).toList();
  }

  private static List<String> texts(Iterable<Map.Entry<Log.Position, Payload>> records) {
    List<String> texts = new ArrayList<>();
    records.forEach(one -> texts.add(one.getValue().text()));
    return texts;
  }

  @Test
  void recordsStandInTheOrderOfTimeThenDot() {
    Log log = Log.EMPTY.append(B, EARLY, records("b1", "b2"));
    log = log.merge(log.append(A, LATE, records("a1")));
    log = log.merge(log.append(A, EARLY, records("a2")));
    assertEquals(List.of("a2", "b1", "b2", "a1"), texts(log.records()));
  }

  @Test
  void aTrimDropsWhatItsAuthorHadAndNothingThatArrivesLater() {
    Log mine = Log.EMPTY.append(A, EARLY, records("read"));
    Log unread = Log.EMPTY.append(B, EARLY, records("unread"));
    // The context claims the other record too, as one of a reader who was elsewhere would.
    Log trim = mine.trim(mine.context().merge(unread.context()));
    assertEquals(List.of("unread"), texts(mine.merge(trim).merge(unread).records()));
    assertEquals(List.of("unread"), texts(unread.merge(mine).merge(trim).records()));
    assertEquals(mine.context(), trim.trimmed());
  }

  @Test
  void aTrimmedRecordDoesNotComeBackAndItsDotIsNotUsedAgain() {
    Log log = Log.EMPTY.append(A, EARLY, records("gone"));
    Log trimmed = log.merge(log.trim(log.context()));
    assertSame(trimmed, trimmed.merge(log));
    assertEquals(0, trimmed.size());
    assertEquals(1, trimmed.counterOf(A));
    Log next = trimmed.merge(trimmed.append(A, LATE, records("next")));
    assertEquals(CausalContext.of(new Dot(A, 1), new Dot(A, 2)), next.context());
    assertEquals(List.of("next"), texts(next.records()));
  }

  @Test
  void readingSinceAContextIsWhatItsDefinitionSays() {
    Seeds.forAll(
        5_000,
        random -> {
          Log log = generate(random);
          CausalContext seen = Samples.context(random);
          int limit = random.nextInt(1, 6);
          List<Map.Entry<Log.Position, Payload>> expected = new ArrayList<>();
          for (Map.Entry<Log.Position, Payload> one : log.records()) {
            if (!seen.contains(one.getKey().dot()) && expected.size() < limit) {
              expected.add(Map.entry(one.getKey(), one.getValue()));
            }
          }
          assertEquals(expected, log.since(seen, limit));
        });
  }

  @Test
  void aReaderWhoHasSeenAllOfOneReplicaForEverStillGetsTheRecordsOfOthers() {
    Log log = Log.EMPTY.append(A, EARLY, records("a"));
    log = log.merge(log.append(B, EARLY, records("b")));
    CausalContext allOfA =
        CausalContext.ofRuns(List.of(new CausalContext.Run(A, 1, Long.MAX_VALUE)));
    assertEquals(List.of("b"), texts(log.since(allOfA, 10)));
  }

  @Test
  void contextsCountersAndNamesAreThoseOfRecordsAndOfTrimmedOnes() {
    Seeds.forAll(
        3_000,
        random -> {
          Log log = generate(random);
          List<Dot> dots = new ArrayList<>();
          log.records().forEach(one -> dots.add(one.getKey().dot()));
          CausalContext known = CausalContext.ofDots(dots).merge(log.trimmed());
          assertEquals(known, log.context());
          ReplicaId replica = Samples.replica(random);
          assertEquals(known.counterOf(replica), log.counterOf(replica));
          long birthMin = random.nextInt(4);
          long birthEnd = random.nextInt(6);
          Optional<ReplicaId> latest = known.latestOf(replica.incarnation(), birthMin, birthEnd);
          assertEquals(latest, log.latestOf(replica.incarnation(), birthMin, birthEnd));
        });
  }

  @Test
  void oneDotWithTwoRecordsWhichOnlyAReusedNameCouldMakeKeepsTheLater() {
    Log early = Log.EMPTY.append(A, EARLY, records("z"));
    Log late = Log.EMPTY.append(A, LATE, records("a"));
    assertEquals(late, early.merge(late));
    assertEquals(late, late.merge(early));
    assertEquals(1, late.merge(early).size());
  }
}
