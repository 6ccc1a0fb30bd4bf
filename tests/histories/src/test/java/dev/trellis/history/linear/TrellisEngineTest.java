package dev.trellis.history.linear;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.history.History;
import dev.trellis.history.HistoryException;
import dev.trellis.history.HistoryReader;
import dev.trellis.history.Operation;
import dev.trellis.history.check.CheckResult;
import dev.trellis.history.check.Verdict;
import dev.trellis.history.edn.Edn;
import dev.trellis.history.edn.Keyword;
import java.io.IOException;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class TrellisEngineTest {
  private static final Duration LIMIT = Duration.ofSeconds(60);

  private static History history(String text) {
    try (HistoryReader reader = new HistoryReader(new StringReader(text), "test")) {
      return reader.readAll();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static CheckResult check(String model, String text) {
    return new TrellisEngine().check(history(text), model, LIMIT);
  }

  @Test
  void aCallThatFailedDidNotHappen() {
    String write = "{:process 0 :type :invoke :f :write :value 1} {:process 0 :type %s :f :write}";
    String read = "{:process 1 :type :invoke :f :read} {:process 1 :type :ok :f :read :value 1}";
    assertEquals(Verdict.VALID, check("register", write.formatted(":ok") + read).verdict());
    assertEquals(Verdict.VALID, check("register", write.formatted(":info") + read).verdict());
    assertEquals(Verdict.INVALID, check("register", write.formatted(":fail") + read).verdict());
  }

  @Test
  void anUnknownCallMayTakeEffectMuchLaterOrNever() {
    String history =
        """
        {:process 0 :type :invoke :f :write :value 1}
        {:process 0 :type :info   :f :write :value 1}
        {:process 1 :type :invoke :f :write :value 2}
        {:process 1 :type :ok     :f :write :value 2}
        {:process 2 :type :invoke :f :read}
        {:process 2 :type :ok     :f :read :value 2}
        {:process 3 :type :invoke :f :read}
        {:process 3 :type :ok     :f :read :value %s}
        """;
    assertEquals(Verdict.VALID, check("register", history.formatted("2")).verdict());
    assertEquals(Verdict.VALID, check("register", history.formatted("1")).verdict());
    CheckResult wrong = check("register", history.formatted("nil"));
    assertEquals(Verdict.INVALID, wrong.verdict());
    assertEquals(8L, wrong.details().get("failing-prefix"));
    assertEquals(List.of(2L), wrong.details().get("states"));
    assertEquals(
        "[{:process 0, :type :invoke, :f :write, :value 1}]",
        Edn.write(wrong.details().get("concurrent")));
    assertEquals(1, wrong.anomalies().size());
  }

  @Test
  void aCompletedReadOfNilHasSeenNil() {
    String history =
        """
        {:process 0 :type :invoke :f :write :value 1}
        {:process 0 :type :ok     :f :write :value 1}
        {:process 0 :type :invoke :f :read}
        {:process 0 :type :ok     :f :read :value nil}
        """;
    assertEquals(Verdict.INVALID, check("cas-register", history).verdict());
  }

  @Test
  void onlyClientsCount() {
    assertEquals(
        Verdict.VALID,
        check(
                "mutex",
                """
                {:process :nemesis :type :info :f :start}
                {:process 0 :type :invoke :f :acquire}
                {:process :nemesis :type :info :f :stop :value "all"}
                {:process 0 :type :ok :f :acquire}
                {:process 1 :type :invoke :f :release}
                {:process 1 :type :ok :f :release}
                """)
            .verdict());
  }

  @Test
  void aSetMayBeReadAsAnyCollection() {
    String history =
        """
        {:process 0 :type :invoke :f :add :value :a}
        {:process 0 :type :ok     :f :add :value :a}
        {:process 1 :type :invoke :f :add :value "b"}
        {:process 0 :type :invoke :f :read}
        {:process 0 :type :ok     :f :read :value %s}
        """;
    for (String valid : List.of("#{:a}", "[:a]", "(\"b\" :a)", "#{:a \"b\"}")) {
      assertEquals(Verdict.VALID, check("set", history.formatted(valid)).verdict());
    }
    for (String invalid : List.of("#{}", "[\"b\"]", "#{:a :c}")) {
      assertEquals(Verdict.INVALID, check("set", history.formatted(invalid)).verdict());
    }
  }

  @Test
  void whatMakesNoSenseForTheModelIsRefused() {
    refused("register", ":f :cas :value [1 2]", "the model register has no function :cas, only");
    refused("cas-register", ":f :add :value 1", "operation 0, {:process 0, :type :invoke, :f :add");
    refused("cas-register", ":f :cas :value 1", "the value of :cas should be a vector [old new]");
    refused("mutex", ":f :read", "the model mutex has no function :read");
    refused("set", ":f :read :value 1", "the value of a :read should be a set or a vector");
    assertThrows(IllegalArgumentException.class, () -> Model.named("queue"));
  }

  private static void refused(String model, String call, String expected) {
    String text = "{:process 0 :type :invoke " + call + "} {:process 0 :type :ok " + call + "}";
    String message = assertThrows(HistoryException.class, () -> check(model, text)).getMessage();
    assertTrue(message.contains(expected), message);
  }

  /// A register that works, under many clients of which every twentieth call is never answered.
  ///
  /// @param values how many different ones are written
  private static List<Operation> longHistory(
      int calls, int clients, int values, RandomGenerator random) {
    List<Operation> operations = new ArrayList<>();
    Object value = null;
    List<Operation> open = new ArrayList<>();
    List<Object> results = new ArrayList<>();
    long process = 0;
    for (int made = 0; made < calls || !open.isEmpty(); ) {
      if (made < calls && open.size() < clients && random.nextBoolean()) {
        Operation invoke =
            random.nextBoolean()
                ? Operation.invoke(process++, "read", null)
                : Operation.invoke(process++, "write", made % values);
        made++;
        operations.add(invoke);
        if (random.nextInt(20) == 0) {
          value = random.nextBoolean() && invoke.isAbout("write") ? invoke.value() : value;
          continue;
        }
        open.add(invoke);
        results.add(invoke); // not yet in effect
      } else if (!open.isEmpty()) {
        int at = random.nextInt(open.size());
        Operation invoke = open.get(at);
        if (results.get(at) == invoke) {
          value = invoke.isAbout("write") ? invoke.value() : value;
          results.set(at, value);
        } else {
          operations.add(invoke.completed(Operation.Type.OK, results.get(at)));
          open.remove(at);
          results.remove(at);
        }
      }
    }
    return operations;
  }

  @Test
  void manyCallsOfWhichManyAreNeverAnsweredAreCheckedInTime() {
    List<Operation> operations = longHistory(20_000, 8, 20_000, new Random(1));
    assertEquals(
        Verdict.VALID,
        new TrellisEngine().check(History.of(operations), "register", LIMIT).verdict());
    operations.add(Operation.invoke(-1, "read", null));
    operations.add(Operation.ok(-1, "read", -1));
    CheckResult invalid = new TrellisEngine().check(History.of(operations), "register", LIMIT);
    assertEquals(Verdict.INVALID, invalid.verdict());
    assertEquals((long) operations.size(), invalid.details().get("failing-prefix"));
  }

  /// Which of many unanswered writes of one value was used where is what makes a search endless.
  @Test
  void fewValuesAndManyCallsWithoutAnswerAreNoExcuseForNotKnowing() {
    List<Operation> operations = longHistory(2_000, 8, 5, new Random(1));
    assertEquals(
        Verdict.VALID,
        new TrellisEngine().check(History.of(operations), "register", LIMIT).verdict());
    operations.add(Operation.invoke(-1, "read", null));
    operations.add(Operation.ok(-1, "read", -1));
    CheckResult invalid =
        new TrellisEngine().check(History.of(operations), "register", Duration.ofSeconds(10));
    assertEquals(Verdict.INVALID, invalid.verdict(), invalid.details().toString());
    assertEquals((long) operations.size(), invalid.details().get("failing-prefix"));
  }

  @Test
  void withoutTimeOrMemoryNobodyKnows() {
    // Every set of adds that never ended may have taken effect, and none explains the read.
    StringBuilder text = new StringBuilder();
    StringBuilder elements = new StringBuilder();
    for (int i = 0; i < 40; i++) {
      text.append("{:process ").append(i).append(" :type :invoke :f :add :value ").append(i);
      text.append("}\n");
      elements.append(i).append(' ');
    }
    text.append("{:process 99 :type :invoke :f :read}\n");
    text.append("{:process 99 :type :ok :f :read :value [").append(elements).append(" 99]}");
    History history = history(text.toString());
    CheckResult late = new TrellisEngine().check(history, "set", Duration.ZERO);
    assertEquals(Verdict.UNKNOWN, late.verdict());
    assertEquals(Keyword.of("timeout"), late.details().get("cause"));
    CheckResult full = new TrellisEngine(1 << 20).check(history, "set", LIMIT);
    assertEquals(Verdict.UNKNOWN, full.verdict());
    assertEquals(Keyword.of("out-of-memory"), full.details().get("cause"));
  }
}
