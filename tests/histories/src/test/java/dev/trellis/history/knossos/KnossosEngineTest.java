package dev.trellis.history.knossos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import clojure.java.api.Clojure;
import clojure.lang.IFn;
import dev.trellis.history.History;
import dev.trellis.history.HistoryException;
import dev.trellis.history.HistoryReader;
import dev.trellis.history.check.CheckResult;
import dev.trellis.history.check.Verdict;
import dev.trellis.history.edn.Edn;
import dev.trellis.history.edn.Keyword;
import dev.trellis.history.linear.TrellisEngine;
import java.io.IOException;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// The call of Knossos, against namespaces with the same functions, which write down what they are
/// given and answer what they are told.
class KnossosEngineTest {
  private static final Duration LIMIT = Duration.ofMillis(1_500);

  private static final String STAND_IN =
      """
      (ns stand-in.model (:refer-clojure :exclude [set]))
      (defn register ([] [:register]) ([value] [:register value]))
      (defn cas-register ([] [:cas-register]) ([value] [:cas-register value]))
      (defn mutex [] [:mutex])
      (defn set [] [:set])

      (ns stand-in.competition)
      (def given (atom nil))
      (def answer (atom nil))
      (defn analysis
        ([model history] (analysis model history {}))
        ([model history options]
         (when-not (and (vector? history) (every? map? history) (map? options))
           (throw (IllegalArgumentException. "not what Knossos takes")))
         (reset! given {:model model :history history :options options})
         @answer))
      """;

  @BeforeAll
  static void defineTheStandIn() {
    IFn loadString = Clojure.var("clojure.core", "load-string");
    loadString.invoke(STAND_IN);
  }

  private static CheckResult check(String model, String answer, String history) {
    Object atom =
        Clojure.var("clojure.core", "deref").invoke(Clojure.var("stand-in.competition", "answer"));
    Clojure.var("clojure.core", "reset!").invoke(atom, Clojure.read(answer));
    return new KnossosEngine("stand-in").check(history(history), model, LIMIT);
  }

  private static Map<?, ?> given() {
    IFn deref = Clojure.var("clojure.core", "deref");
    Object atom = deref.invoke(Clojure.var("stand-in.competition", "given"));
    return (Map<?, ?>) ClojureData.toEdn(deref.invoke(atom));
  }

  private static History history(String text) {
    try (HistoryReader reader = new HistoryReader(new StringReader(text), "test")) {
      return reader.readAll();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void knossosGetsTheModelTheClientsOperationsAndTheTimeLimit() {
    CheckResult result =
        check(
            "cas-register",
            "{:valid? true :analyzer :wgl}",
            """
            {:process 0 :type :invoke :f :write :value 1 :time 5}
            {:process :nemesis :type :info :f :kill}
            {:process 1 :type :invoke :f :read :value 7}
            {:process 0 :type :info :f :write :value 1 :error :timeout}
            {:process 1 :type :ok :f :read :value nil}
            {:process 0 :type :invoke :f :cas :value [nil 2]}
            {:process 0 :type :fail :f :cas :value [nil 2]}
            {:process 1 :type :invoke :f :read}
            {:process 1 :type :info :f :read}
            """);
    assertEquals(Verdict.VALID, result.verdict());
    assertEquals(Keyword.of("wgl"), result.details().get("analyzer"));
    assertEquals(
        Edn.read(
            """
            {:model [:cas-register :trellis/nothing]
             :options {:time-limit 1500}
             :history
             [{:process 0 :type :invoke :f :write :value 1 :index 0}
              {:process 1 :type :invoke :f :read :value nil :index 1}
              {:process 0 :type :info :f :write :value 1 :index 2}
              {:process 1 :type :ok :f :read :value :trellis/nothing :index 3}
              {:process 2 :type :invoke :f :cas :value [:trellis/nothing 2] :index 4}
              {:process 2 :type :fail :f :cas :value [:trellis/nothing 2] :index 5}
              {:process 1 :type :invoke :f :read :value nil :index 6}
              {:process 1 :type :info :f :read :value nil :index 7}]}
            """),
        given());
  }

  @Test
  void setsAreReadAsSetsAndOtherModelsBeginAsKnossosHasThem() {
    check(
        "set",
        "{:valid? true}",
        "{:process 0 :type :invoke :f :read} {:process 0 :type :ok :f :read :value [2 1]}");
    assertEquals(List.of(Keyword.of("set")), given().get(Keyword.of("model")));
    Map<?, ?> read = (Map<?, ?>) ((List<?>) given().get(Keyword.of("history"))).get(1);
    assertEquals(Edn.read("#{1 2}"), read.get(Keyword.of("value")));
    check("mutex", "{:valid? true}", "{:process 0 :type :invoke :f :acquire :value nil}");
    assertEquals(List.of(Keyword.of("mutex")), given().get(Keyword.of("model")));
  }

  @Test
  void everyAnswerOfKnossosIsUnderstood() {
    assertEquals(
        Verdict.UNKNOWN, check("mutex", "{:valid? :unknown :cause :timeout}", "").verdict());
    assertEquals(Verdict.UNKNOWN, check("mutex", "nil", "").verdict());
    CheckResult invalid = check("mutex", "{:valid? false :op {:process 1 :f :acquire}}", "");
    assertEquals(Verdict.INVALID, invalid.verdict());
    assertEquals(1, invalid.anomalies().size());
    assertEquals(Edn.read("{:process 1 :f :acquire}"), invalid.details().get("op"));
  }

  @Test
  void whatMakesNoSenseForTheModelIsRefusedBeforeKnossosSeesIt() {
    assertThrows(
        HistoryException.class,
        () -> check("mutex", "{:valid? true}", "{:process 0 :type :invoke :f :read}"));
  }

  private static boolean isPresent() {
    ClassLoader loader = KnossosEngine.class.getClassLoader();
    return loader.getResource("knossos/competition.clj") != null;
  }

  @Test
  void withoutKnossosTheEngineSaysHowToGetIt() {
    assumeTrue(!isPresent(), "built with -P knossos");
    String message =
        assertThrows(
                KnossosMissingException.class,
                () -> new KnossosEngine().check(history(""), "register", LIMIT))
            .getMessage();
    assertTrue(message.startsWith("Knossos is not on the class path"), message);
  }

  @Test
  void aKnossosThatDoesNotLoadIsToldWithTheReason() {
    String message =
        assertThrows(
                KnossosMissingException.class,
                () -> new KnossosEngine("broken").check(history(""), "register", LIMIT))
            .getMessage();
    assertTrue(
        message.startsWith(
            "Knossos is on the class path and does not load (Could not locate absent"),
        message);
  }

  @Test
  void knossosAgreesWithOurEngine() {
    assumeTrue(isPresent(), "Knossos is there only with -P knossos");
    String write =
        "{:process 0 :type :invoke :f :write :value 1} {:process 0 :type :ok :f :write :value 1}"
            + " {:process 1 :type :invoke :f :read} {:process 1 :type :ok :f :read :value ";
    for (String value : List.of("1", "2", "nil")) {
      History history = history(write + value + "}");
      assertEquals(
          new TrellisEngine().check(history, "register", LIMIT).verdict(),
          new KnossosEngine().check(history, "register", LIMIT).verdict(),
          value);
    }
  }
}
