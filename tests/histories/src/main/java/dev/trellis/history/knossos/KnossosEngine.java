package dev.trellis.history.knossos;

import clojure.java.api.Clojure;
import clojure.lang.IFn;
import dev.trellis.history.Call;
import dev.trellis.history.History;
import dev.trellis.history.Operation;
import dev.trellis.history.check.Anomaly;
import dev.trellis.history.check.CheckResult;
import dev.trellis.history.check.Verdict;
import dev.trellis.history.edn.Edn;
import dev.trellis.history.edn.Keyword;
import dev.trellis.history.linear.Engine;
import dev.trellis.history.linear.Model;
import java.io.FileNotFoundException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Knossos behind our interface: `knossos.competition/analysis`, with the model that
/// `knossos.model` makes.
///
/// Knossos gets what our own engine gets, in a form in which it means the same to both:
/// - Clients only, and a new number for a client that goes on after `:info`.
/// - A completed read of nil, which Knossos takes for a read of anything, reads a value that stands
///   for nil, and the register holds that value at first.
/// - What a read of a set returned is a set.
public final class KnossosEngine implements Engine {
  private static final Keyword NOTHING = Keyword.of("trellis/nothing");

  private final String namespace;

  /// The Knossos of the class path, if there is one: that shows at the first check.
  public KnossosEngine() {
    this("knossos");
  }

  /// @param namespace in which `competition` and `model` are
  KnossosEngine(String namespace) {
    this.namespace = namespace;
  }

  @Override
  public String name() {
    return "knossos";
  }

  /// @throws KnossosMissingException if it is not on the class path
  @Override
  public CheckResult check(History history, String model, Duration timeLimit) {
    validate(history, model);
    require(namespace + ".model");
    require(namespace + ".competition");
    boolean register = model.endsWith("register");
    IFn constructor = Clojure.var(namespace + ".model", model);
    Object initial =
        register ? constructor.invoke(ClojureData.toClojure(NOTHING)) : constructor.invoke();
    Map<Keyword, Object> options = Map.of(Keyword.of("time-limit"), timeLimit.toMillis());
    Object analysis =
        Clojure.var(namespace + ".competition", "analysis")
            .invoke(
                initial,
                ClojureData.toClojure(operations(history, register)),
                ClojureData.toClojure(options));
    return result(model, ClojureData.toEdn(analysis));
  }

  /// Knossos itself tells less clearly what it does not understand.
  private static <S> void validate(History history, Model<S> model) {
    history.calls().forEach(model::step);
  }

  private static void validate(History history, String model) {
    validate(history, Model.named(model));
  }

  private static void require(String namespace) {
    IFn require = ClojureData.core("require");
    try {
      require.invoke(Clojure.read(namespace));
    } catch (Exception e) { // Clojure throws checked exceptions without declaring them
      throw e instanceof FileNotFoundException
          ? KnossosMissingException.notThere(e)
          : KnossosMissingException.notLoading(e);
    }
  }

  /// The clients' operations as maps, as Knossos is to see them.
  static List<Map<Keyword, @Nullable Object>> operations(History history, boolean register) {
    Map<Integer, Call> byInvocation = new HashMap<>();
    history.calls().forEach(call -> byInvocation.put(call.invokedAt(), call));
    Map<Object, Call> open = new HashMap<>(); // by process
    Map<Object, Long> numbers = new HashMap<>(); // of processes that went on after :info
    long fresh = history.calls().stream().mapToLong(Call::process).max().orElse(0) + 1;
    List<Map<Keyword, @Nullable Object>> maps = new ArrayList<>();
    for (int at = 0; at < history.operations().size(); at++) {
      Operation operation = history.operations().get(at);
      if (!operation.isClient()) {
        continue;
      }
      Object process = operation.process();
      Call made = byInvocation.get(at);
      // A history pairs each completion with a call, so one of them is there.
      Call call = Objects.requireNonNull(made != null ? made : open.get(process));
      open.put(process, call);
      Object number = numbers.containsKey(process) ? numbers.get(process) : process;
      maps.add(map(number, operation, value(call, operation, register)));
      if (operation.type() == Operation.Type.INFO) {
        numbers.put(process, fresh++);
      }
    }
    for (int index = 0; index < maps.size(); index++) {
      maps.get(index).put(Keyword.of("index"), (long) index);
    }
    return maps;
  }

  private static Map<Keyword, @Nullable Object> map(
      Object process, Operation operation, @Nullable Object value) {
    Map<Keyword, @Nullable Object> map = new LinkedHashMap<>();
    map.put(Keyword.of("process"), process);
    map.put(Keyword.of("type"), operation.type().keyword());
    map.put(Keyword.of("f"), operation.f());
    map.put(Keyword.of("value"), value);
    return map;
  }

  private static @Nullable Object value(Call call, Operation operation, boolean register) {
    if (call.isAbout("read")) {
      boolean seen = operation.type() == Operation.Type.OK;
      return !seen ? null : register ? standIn(call.result()) : asSet(call.result());
    }
    Object argument = call.argument();
    if (register && call.isAbout("cas") && argument instanceof List<?> pair) {
      return pair.stream().map(KnossosEngine::standIn).toList();
    }
    return register ? standIn(argument) : argument;
  }

  private static Object standIn(@Nullable Object value) {
    return value == null ? NOTHING : value;
  }

  private static @Nullable Object asSet(@Nullable Object elements) {
    return elements instanceof Collection<?> all ? new LinkedHashSet<>(all) : elements;
  }

  private static CheckResult result(String model, @Nullable Object analysis) {
    Map<?, ?> map = analysis instanceof Map<?, ?> found ? found : Map.of();
    Object valid = map.get(Keyword.of("valid?"));
    Verdict verdict =
        Boolean.TRUE.equals(valid)
            ? Verdict.VALID
            : Boolean.FALSE.equals(valid) ? Verdict.INVALID : Verdict.UNKNOWN;
    Map<String, @Nullable Object> details = new LinkedHashMap<>();
    details.put("model", Keyword.of(model));
    details.put("engine", Keyword.of("knossos"));
    for (String name : List.of("op", "analyzer", "cause")) {
      if (map.get(Keyword.of(name)) != null) {
        details.put(name, map.get(Keyword.of(name)));
      }
    }
    List<Anomaly> anomalies =
        verdict == Verdict.INVALID
            ? List.of(
                new Anomaly(
                    "nonlinearizable",
                    "Knossos finds no order that explains " + Edn.write(map.get(Keyword.of("op"))),
                    List.of()))
            : List.of();
    return new CheckResult(verdict, anomalies, details);
  }
}
