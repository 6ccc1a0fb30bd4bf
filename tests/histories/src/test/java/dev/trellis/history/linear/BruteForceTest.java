package dev.trellis.history.linear;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import dev.trellis.history.Operation;
import dev.trellis.history.check.CheckResult;
import dev.trellis.history.check.Verdict;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.random.RandomGenerator;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The engine against one that tries every order, with models of its own, on small histories that
/// are mostly right and sometimes wrong.
class BruteForceTest {
  private static final int HISTORIES = 4_000;
  private static final Object IMPOSSIBLE = new Object();

  @ParameterizedTest
  @ValueSource(strings = {"register", "cas-register", "mutex", "set"})
  void theEngineAgreesWithTryingEveryOrder(String model) {
    long seed = Long.getLong("seed", System.nanoTime());
    Map<Verdict, Integer> verdicts = new EnumMap<>(Verdict.class);
    for (long i = seed; i < seed + HISTORIES; i++) {
      long current = i;
      History history = random(model, new Random(current));
      CheckResult result = new TrellisEngine().check(history, model, Duration.ofMinutes(1));
      int prefix = failingPrefix(history, model);
      String told =
          "-Dseed=" + current + " " + model + "\n" + text(history.operations()) + result.toEdn();
      assertEquals(prefix < 0 ? Verdict.VALID : Verdict.INVALID, result.verdict(), told);
      assertEquals(prefix < 0 ? null : (Long) (long) prefix, prefixOf(result), told);
      verdicts.merge(result.verdict(), 1, Integer::sum);
    }
    assertTrue(verdicts.getOrDefault(Verdict.VALID, 0) > HISTORIES / 10, verdicts.toString());
    assertTrue(verdicts.getOrDefault(Verdict.INVALID, 0) > HISTORIES / 10, verdicts.toString());
  }

  private static Object prefixOf(CheckResult result) {
    return result.details().get("failing-prefix");
  }

  private static String text(List<Operation> operations) {
    StringBuilder text = new StringBuilder();
    operations.forEach(operation -> text.append(operation).append('\n'));
    return text.toString();
  }

  /// The length of the shortest prefix that no order explains; -1 if there is none. What is known
  /// from the rest of the history to have failed did not happen.
  private static int failingPrefix(History history, String model) {
    for (int length = 1; length <= history.operations().size(); length++) {
      List<Call> calls = new ArrayList<>();
      for (Call call : history.calls()) {
        if (call.invokedAt() < length && !call.isFailed()) {
          calls.add(
              call.completedAt() < length
                  ? call
                  : new Call(call.invoke(), Optional.empty(), call.invokedAt(), Call.NEVER));
        }
      }
      if (!hasOrder(calls, model.equals("set") ? Set.of() : null, model)) {
        return length;
      }
    }
    return -1;
  }

  private static boolean hasOrder(List<Call> left, Object state, String model) {
    if (left.stream().allMatch(Call::isUnknown)) {
      return true;
    }
    for (Call next : left) {
      if (left.stream().noneMatch(other -> other.precedes(next))) {
        Object after = after(state, next, model);
        List<Call> rest = new ArrayList<>(left);
        rest.remove(next);
        if (after != IMPOSSIBLE && hasOrder(rest, after, model)) {
          return true;
        }
      }
    }
    return false;
  }

  private static Object after(Object state, Call call, String model) {
    Object argument = call.argument();
    return switch (call.invoke().f().name()) {
      case "read" -> !call.isOk() || Objects.equals(state, call.result()) ? state : IMPOSSIBLE;
      case "write" -> argument;
      case "cas" ->
          Objects.equals(((List<?>) argument).get(0), state)
              ? ((List<?>) argument).get(1)
              : IMPOSSIBLE;
      case "acquire" -> state == null ? "held" : IMPOSSIBLE;
      case "release" -> state != null ? null : IMPOSSIBLE;
      case "add" -> {
        Set<Object> more = new HashSet<>((Set<?>) state);
        more.add(argument);
        yield more;
      }
      default -> throw new AssertionError(model + " " + call);
    };
  }

  /// Clients of a real thing, which takes effect when an answer is made or before; now and then an
  /// answer is a lie.
  private static History random(String model, RandomGenerator random) {
    Object state = model.equals("set") ? Set.of() : null;
    List<Operation> operations = new ArrayList<>();
    List<Operation> open = new ArrayList<>();
    List<Object> effects = new ArrayList<>(); // of open calls: what was read, or null before it
    long process = 0;
    int calls = 0;
    while (calls < 6 || (!open.isEmpty() && random.nextInt(8) > 0)) {
      int choice = random.nextInt(10);
      if (choice < 4 && calls < 6 && open.size() < 4) {
        Operation invoke = invocation(model, process++, random);
        operations.add(invoke);
        open.add(invoke);
        effects.add(null);
        calls++;
      } else if (choice == 4) {
        operations.add(Operation.nemesis("pause", calls));
      } else if (!open.isEmpty()) {
        int at = random.nextInt(open.size());
        Operation invoke = open.get(at);
        Call call = new Call(invoke, Optional.empty(), 0, Call.NEVER);
        Object after = after(state, call, model);
        boolean lies = random.nextInt(12) == 0;
        if (effects.get(at) == null && after != IMPOSSIBLE) {
          effects.set(
              at, invoke.isAbout("read") ? List.of("read", state == null ? "-" : state) : "done");
          state = after;
          if (random.nextBoolean()) {
            continue;
          }
        }
        Object read = effects.get(at) instanceof List<?> list ? list.get(1) : "-";
        if (lies && invoke.isAbout("read")) {
          read = model.equals("set") ? Set.of((long) random.nextInt(3)) : (long) random.nextInt(3);
        }
        Object result = invoke.isAbout("read") ? (read.equals("-") ? null : read) : invoke.value();
        boolean happened = effects.get(at) != null;
        Operation.Type type =
            random.nextInt(5) == 0
                ? Operation.Type.INFO
                : happened != lies || invoke.isAbout("read")
                    ? Operation.Type.OK
                    : Operation.Type.FAIL;
        operations.add(invoke.completed(type, type == Operation.Type.OK ? result : invoke.value()));
        open.remove(at);
        effects.remove(at);
      }
    }
    return History.of(operations);
  }

  private static Operation invocation(String model, long process, RandomGenerator random) {
    long value = random.nextInt(3);
    return switch (model) {
      case "mutex" -> Operation.invoke(process, random.nextBoolean() ? "acquire" : "release", null);
      case "set" ->
          random.nextBoolean()
              ? Operation.invoke(process, "add", value)
              : Operation.invoke(process, "read", null);
      default ->
          switch (random.nextInt(model.equals("register") ? 2 : 3)) {
            case 0 -> Operation.invoke(process, "read", null);
            case 1 -> Operation.invoke(process, "write", value);
            default -> Operation.invoke(process, "cas", List.of((long) random.nextInt(3), value));
          };
    };
  }
}
