package dev.trellis.casestudy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.Handles;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.history.check.FracturedReads;
import dev.trellis.history.check.ReadYourWrites;
import dev.trellis.lattice.Payload;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class TransactionLoadTest {
  private static final int KEYS = 50;
  private static final int TRANSACTIONS = 2_000;

  /// What the functions of a transaction are given, and when it ends.
  private record Traced(Handles handles, Payload token, List<String> trace) implements Access {
    @Override
    public Optional<HybridTimestamp> commit() {
      trace.add("commit");
      return Optional.empty();
    }
  }

  private static TransactionLoad load(int transactions, FakeStore store) {
    TransactionLoad load =
        new TransactionLoad(
            TransactionPlan.draw(transactions, KEYS, 1, new Random(7)), Values.REGISTERS, "k:");
    load.fill(store, KEYS);
    store.merge();
    return load;
  }

  private static List<List<Host>> hosts(int parallel, Handles handles) {
    Host host = token -> new Traced(handles, Payload.EMPTY, new ArrayList<>());
    return Collections.nCopies(parallel, List.of(host, host));
  }

  private static LevelResult run(int parallel, FakeStore store) throws InterruptedException {
    TransactionLoad.Outcome outcome =
        load(TRANSACTIONS, store).run(hosts(parallel, store), done -> {});
    return LevelResult.of(
        Level.EVENTUAL, Duration.ofMillis(10), outcome, Map.of("node-0", 5L, "node-1", 5L));
  }

  @Test
  void oneReplicaShowsEachTransactionItsOwnWritesAndTwoThatLagDoNot() throws InterruptedException {
    LevelResult one = run(1, new FakeStore(1, 1));
    assertEquals(TRANSACTIONS, one.transactions());
    assertEquals(0, one.ownReads().reads());
    assertEquals(0, one.fracturedReads().reads());
    assertTrue(one.ownReads().judgedReads() > 100, one.ownReads().toString());
    assertTrue(one.fracturedReads().judgedReads() > 100, one.fracturedReads().toString());
    // A load that finds nothing where nothing is promised shows nothing.
    assertEquals(2, one.faults().size(), one.faults().toString());

    LevelResult two = run(1, new FakeStore(2, 1_000));
    assertTrue(two.ownReads().transactions() > 50, two.ownReads().toString());
    assertTrue(two.fracturedReads().transactions() > 50, two.fracturedReads().toString());
    assertTrue(two.ownReads().reads() >= two.ownReads().transactions());
    assertEquals(List.of(), two.faults());
  }

  @Test
  void transactionsThatRunTogetherAreEachWrittenDownWhole() throws InterruptedException {
    LevelResult result = run(4, new FakeStore(2, 10));
    assertEquals(TRANSACTIONS, result.transactions());
    assertEquals(TRANSACTIONS + 1, result.outcome().history().calls("txn").size());
    assertEquals(0, result.outcome().repeats());
  }

  @Test
  void aTransactionOfWhichACallFailedIsMadeAgainUnderAnotherNumber() throws InterruptedException {
    TrellisException failure =
        assertThrows(
            TrellisException.class,
            () ->
                Trellis.connect(
                        ClientConfig.of("127.0.0.1:1").withConnectTimeout(Duration.ofMillis(50)))
                    .close());
    FakeStore store = new FakeStore(2, 100, 11, Optional.of(failure));
    TransactionLoad load =
        new TransactionLoad(
            TransactionPlan.draw(TRANSACTIONS, KEYS, 1, new Random(7)), Values.REGISTERS, "k:");
    TransactionLoad.Outcome outcome = load.run(hosts(1, store), done -> {});
    assertEquals(TRANSACTIONS, outcome.latencyNanos().getTotalCount());
    assertTrue(outcome.repeats() > 100, () -> outcome.repeats() + " repeats");
    assertEquals(Map.of(failure.code(), outcome.repeats()), outcome.failures());
    assertEquals(TRANSACTIONS + outcome.repeats(), outcome.history().calls("txn").size());
    assertTrue(AnomalyCount.of(new ReadYourWrites(), outcome.history()).reads() > 0);
    assertTrue(AnomalyCount.of(new FracturedReads(), outcome.history()).reads() > 0);

    FakeStore dead = new FakeStore(1, 1, 1, Optional.of(failure));
    TransactionLoad hopeless =
        new TransactionLoad(
            TransactionPlan.draw(3, KEYS, 1, new Random(7)), Values.REGISTERS, "k:");
    TrellisException told =
        assertThrows(TrellisException.class, () -> hopeless.run(hosts(2, dead), done -> {}));
    assertEquals(failure.code(), told.code());
  }

  @Test
  void theSecondFunctionIsGivenTheTokenOfTheFirstAndCommits() throws InterruptedException {
    FakeStore store = new FakeStore(1, 1);
    TransactionLoad load = load(3, store);
    List<String> trace = Collections.synchronizedList(new ArrayList<>());
    Host first =
        token -> {
          trace.add("first " + token.text());
          return new Traced(store, Payload.ofText("token"), trace);
        };
    Host second =
        token -> {
          trace.add("second " + token.text());
          return new Traced(store, Payload.EMPTY, trace);
        };
    TransactionLoad.Outcome outcome = load.run(List.of(List.of(first, second)), done -> {});
    List<String> each = List.of("first ", "second token", "commit");
    assertEquals(Collections.nCopies(3, each).stream().flatMap(List::stream).toList(), trace);
    assertEquals(5, outcome.tokenBytes().getMaxValue());
    assertEquals(3, outcome.tokenBytes().getTotalCount());
  }

  @Test
  void aLoadOfWhichANodeIsHardlyAskedIsNone() throws InterruptedException {
    TransactionLoad.Outcome outcome =
        load(TRANSACTIONS, new FakeStore(1, 1)).run(hosts(1, new FakeStore(2, 1_000)), done -> {});
    LevelResult lopsided =
        LevelResult.of(
            Level.EVENTUAL, Duration.ofSeconds(1), outcome, Map.of("node-0", 9L, "node-1", 1L));
    assertTrue(
        lopsided.faults().stream()
            .anyMatch(fault -> fault.contains("only 1 of 10 calls for one key went to node-1")),
        lopsided.faults().toString());
  }

  @Test
  void plansFollowFromTheSeedAndWriteTwoKeys() {
    List<TransactionPlan> plans = TransactionPlan.draw(1_000, KEYS, 1, new Random(3));
    assertEquals(plans, TransactionPlan.draw(1_000, KEYS, 1, new Random(3)));
    Set<Integer> read = new HashSet<>();
    for (TransactionPlan plan : plans) {
      assertEquals(2, plan.functions().size());
      assertEquals(2, plan.functions().stream().map(f -> f.write()).distinct().count());
      plan.functions().forEach(function -> read.addAll(function.reads()));
    }
    assertEquals(KEYS, read.size());
    assertEquals(6, TransactionPlan.operationCount());
  }
}
