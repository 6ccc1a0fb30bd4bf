package dev.trellis.history.linear;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import dev.trellis.history.check.Verdict;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;

/// The search for an order of a history's calls that a model allows.
///
/// It goes through the completions in the order of the history. A *configuration* is how many
/// completions it has come past, the model's state, and which of the calls that are open there have
/// taken effect. To come past a completion its call must have taken effect; if it has not, then any
/// sequence of open calls that ends with it is tried, and no call is tried before a completion
/// demands it (Lowe's just-in-time linearization of Wing and Gong's search). The search is in
/// depth, and remembers configurations.
///
/// What keeps it small:
/// - Steps and states are numbers; each step is taken once from each state ([Transitions]).
/// - An open call is a bit, reused when the call has completed, so that a configuration is a few
///   words.
/// - A call that only reads takes effect as soon as it can: it hinders nobody.
/// - Where steps overwrite, a call that never completes takes effect only if an open call requires
///   what it produces, directly or through others: else nobody would see it.
/// - A configuration in which the call that completes next has become impossible for good is given
///   up.
/// - Calls that never complete and do the same take effect in the order in which they were made,
///   and those that only read, never. See also [ConfigurationSet].
///
/// A search may be *endless*: in it a call that never completes may take effect any number of
/// times. It knows fewer configurations, since none says which of them were used, and so ends soon.
/// What it finds invalid is invalid; what it does not may be so all the same.
///
/// @see "Wing and Gong, Testing and Verifying Concurrent Objects, JPDC 1993"
/// @see "Lowe, Testing for Linearizability, CCPE 2017"
final class Search<S> {
  /// How it ended.
  ///
  /// @param configurations how many were searched
  /// @param failing the call whose completion nothing explains, if there is none
  /// @param states in which the model may be before that completion
  /// @param reason why the verdict is unknown; else empty
  record Outcome<S>(
      Verdict verdict, int configurations, List<Call> failing, List<S> states, String reason) {}

  private record Prepared(Call call, int step) {}

  /// The states that are shown at most.
  private static final int STATES_MAX = 16;

  /// Steps between looks at the clock, less one; a power of two, less one.
  private static final int LOOK_MASK = (1 << 12) - 1;

  private static final int HEAD_WORDS = 1;

  /// In place of a bit: the call is not open.
  private static final int NOT_OPEN = -1;

  /// In place of a bit: nobody counts how often the call takes effect.
  private static final int NO_BIT = Integer.MAX_VALUE;

  private final boolean endless;

  private final Transitions<S> transitions = new Transitions<>();
  private final int initial;

  // Calls that completed, in the order of their completions.
  private final List<Call> completing;
  private final int[] steps;
  private int[] bits = {};

  /// For each completion, the calls that are open then, in the order of their completions: itself
  /// first.
  private int[][] open = {};

  // Calls that never complete, by what they do, in the order of their invocations.
  private int[] crashedSteps = {};
  private int[] crashedBits = {}; // the first of each class
  private int[][] crashedFrom = {}; // the completion from which on each is open

  private final int[] required; // of each step, a state or ANY
  private final boolean[] readOnly; // of each step
  private final boolean overwriting;
  private final int[] allKinds;
  private final Map<Integer, List<Integer>> kindsByProduct = new HashMap<>();

  private final int keyWords;
  private final int words;

  /// @throws dev.trellis.history.HistoryException if a call makes no sense for the model
  Search(Model<S> model, History history, boolean endless) {
    this.endless = endless;
    initial = transitions.stateNumber(model.initial());
    List<Prepared> ordinary = new ArrayList<>();
    Map<Integer, List<Call>> crashed = new TreeMap<>();
    for (Call call : history.calls()) {
      Model.Step<S> step = model.step(call); // also of those that failed, to see them refused
      if (call.isOk()) {
        ordinary.add(new Prepared(call, transitions.stepNumber(step)));
      } else if (call.isUnknown() && !step.isReadOnly()) {
        crashed
            .computeIfAbsent(transitions.stepNumber(step), number -> new ArrayList<>())
            .add(call);
      }
    }
    ordinary.sort(Comparator.comparingInt(prepared -> prepared.call.completedAt()));
    completing = ordinary.stream().map(Prepared::call).toList();
    steps = ordinary.stream().mapToInt(Prepared::step).toArray();
    int bitCount = layOutOpenCalls();
    keyWords = HEAD_WORDS + wordsOf(bitCount);
    int crashedCount = layOutCrashedCalls(crashed);
    words = keyWords + (endless ? 0 : wordsOf(crashedCount));
    required = IntStream.range(0, transitions.stepCount()).map(transitions::required).toArray();
    readOnly = new boolean[required.length];
    boolean allProduce = true;
    for (int step = 0; step < required.length; step++) {
      readOnly[step] = transitions.isReadOnly(step);
      allProduce &= readOnly[step] || transitions.produced(step) != Transitions.ANY;
    }
    overwriting = allProduce;
    allKinds = IntStream.range(0, crashedSteps.length).toArray();
    for (int kind : allKinds) {
      kindsByProduct
          .computeIfAbsent(transitions.produced(crashedSteps[kind]), state -> new ArrayList<>())
          .add(kind);
    }
  }

  private static int wordsOf(int bitCount) {
    return (bitCount + Long.SIZE - 1) / Long.SIZE;
  }

  /// Gives each completing call a bit that it shares with none that is open at the same time, and
  /// returns how many there are.
  private int layOutOpenCalls() {
    int count = completing.size();
    Integer[] byInvocation = new Integer[count];
    Arrays.setAll(byInvocation, number -> number);
    Arrays.sort(byInvocation, Comparator.comparingInt(n -> completing.get(n).invokedAt()));
    bits = new int[count];
    open = new int[count][];
    Deque<Integer> freed = new ArrayDeque<>();
    TreeSet<Integer> openNow = new TreeSet<>(); // numbers are in the order of completion
    int bitCount = 0;
    int invoked = 0;
    for (int completion = 0; completion < count; completion++) {
      int at = completing.get(completion).completedAt();
      while (invoked < count && completing.get(byInvocation[invoked]).invokedAt() < at) {
        int number = byInvocation[invoked++];
        bits[number] = freed.isEmpty() ? bitCount++ : freed.pop();
        openNow.add(number);
      }
      open[completion] = openNow.stream().mapToInt(Integer::intValue).toArray();
      openNow.remove(completion);
      freed.push(bits[completion]);
    }
    for (int number = 0; number < count; number++) {
      bits[number] += HEAD_WORDS * Long.SIZE;
    }
    return bitCount;
  }

  private int layOutCrashedCalls(Map<Integer, List<Call>> crashed) {
    crashedSteps = crashed.keySet().stream().mapToInt(Integer::intValue).toArray();
    crashedBits = new int[crashedSteps.length];
    crashedFrom = new int[crashedSteps.length][];
    int bit = keyWords * Long.SIZE;
    int kind = 0;
    for (List<Call> alike : crashed.values()) {
      crashedBits[kind] = bit;
      crashedFrom[kind] = alike.stream().mapToInt(this::firstCompletionAfter).toArray();
      bit += alike.size();
      kind++;
    }
    return bit - keyWords * Long.SIZE;
  }

  private int firstCompletionAfter(Call call) {
    int low = 0;
    int high = completing.size();
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (completing.get(middle).completedAt() < call.invokedAt()) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  /// Whether there are calls that never complete and may matter.
  boolean hasCrashedCalls() {
    return crashedSteps.length > 0;
  }

  /// Searches until it is sure, or told to stop.
  ///
  /// @param bytesMax memory for what it remembers
  /// @param stop asked now and then
  Outcome<S> run(long bytesMax, BooleanSupplier stop) {
    ConfigurationSet seen = new ConfigurationSet(keyWords, words - keyWords, bytesMax);
    long[] stack = new long[words * 64];
    int[] cursors = new int[64]; // the next call to try in each frame
    int[][] useful = new int[64][]; // the crashed calls that are worth trying in each frame
    int depth = 0;
    long[] current = new long[words];
    current[0] = initial;
    if (settle(current)) {
      return new Outcome<>(Verdict.VALID, 0, List.of(), List.of(), "");
    }
    int furthest = completionOf(current[0]);
    System.arraycopy(current, 0, stack, 0, words);
    seen.add(current, 0);
    depth++;
    long tried = 0;
    while (depth > 0) {
      if ((++tried & LOOK_MASK) == 0 && stop.getAsBoolean()) {
        return unknown(seen, "timeout");
      }
      int frame = (depth - 1) * words;
      if (useful[depth - 1] == null) {
        useful[depth - 1] = usefulKinds(stack, frame);
      }
      OptionalInt candidate = tryNext(stack, frame, cursors[depth - 1], useful[depth - 1], current);
      if (candidate.isEmpty()) {
        depth--;
        continue;
      }
      cursors[depth - 1] = candidate.getAsInt() + 1;
      if (isHopeless(current)) {
        continue;
      }
      if (settle(current)) {
        return new Outcome<>(Verdict.VALID, seen.size(), List.of(), List.of(), "");
      }
      switch (seen.add(current, 0)) {
        case KNOWN -> {}
        case FULL -> {
          return unknown(seen, "out-of-memory");
        }
        case ADDED -> {
          furthest = Math.max(furthest, completionOf(current[0]));
          if (depth == cursors.length) {
            cursors = Arrays.copyOf(cursors, depth * 2);
            useful = Arrays.copyOf(useful, depth * 2);
            stack = Arrays.copyOf(stack, stack.length * 2);
          }
          System.arraycopy(current, 0, stack, depth * words, words);
          cursors[depth] = 0;
          useful[depth] = null;
          depth++;
        }
      }
    }
    Set<Integer> states = new TreeSet<>();
    seen.forEachStateBefore(furthest, states::add);
    return new Outcome<>(
        Verdict.INVALID,
        seen.size(),
        List.of(completing.get(furthest)),
        states.stream().limit(STATES_MAX).map(transitions::state).toList(),
        "");
  }

  private Outcome<S> unknown(ConfigurationSet seen, String reason) {
    return new Outcome<>(Verdict.UNKNOWN, seen.size(), List.of(), List.of(), reason);
  }

  /// Lets one more call take effect in a configuration, if one can: the first from the `cursor` on.
  ///
  /// @param target where the configuration afterwards is written
  /// @return the number of the call among those that may be tried; empty if none is left
  private OptionalInt tryNext(long[] stack, int frame, int cursor, int[] kinds, long[] target) {
    int completion = completionOf(stack[frame]);
    int state = (int) stack[frame];
    int[] calls = open[completion];
    int at = cursor;
    for (; at < calls.length; at++) {
      int call = calls[at];
      if (isSet(stack, frame, bits[call]) || readOnly[steps[call]]) {
        continue;
      }
      int next = transitions.next(state, steps[call]);
      if (next != Transitions.IMPOSSIBLE && !isPreceded(stack, frame, calls, at)) {
        become(stack, frame, completion, next, bits[call], target);
        return OptionalInt.of(at);
      }
    }
    for (; at < calls.length + kinds.length; at++) {
      int kind = kinds[at - calls.length];
      int bit = firstUnused(stack, frame, kind, completion);
      int next = bit < 0 ? Transitions.IMPOSSIBLE : transitions.next(state, crashedSteps[kind]);
      if (next != Transitions.IMPOSSIBLE && next != state) {
        become(stack, frame, completion, next, bit, target);
        return OptionalInt.of(at);
      }
    }
    return OptionalInt.empty();
  }

  /// Whether a call that does the same completes earlier and has not taken effect either: that one
  /// goes first.
  private boolean isPreceded(long[] stack, int frame, int[] calls, int at) {
    for (int i = 0; i < at; i++) {
      if (steps[calls[i]] == steps[calls[at]] && !isSet(stack, frame, bits[calls[i]])) {
        return true;
      }
    }
    return false;
  }

  /// The bit of the first call of a kind that has not taken effect, [#NO_BIT], or [#NOT_OPEN].
  private int firstUnused(long[] stack, int frame, int kind, int completion) {
    int[] from = crashedFrom[kind];
    if (endless) {
      return from[0] <= completion ? NO_BIT : NOT_OPEN;
    }
    for (int used = 0; used < from.length && from[used] <= completion; used++) {
      if (!isSet(stack, frame, crashedBits[kind] + used)) {
        return crashedBits[kind] + used;
      }
    }
    return NOT_OPEN;
  }

  /// The kinds of crashed calls that may help an open call to take effect: those that produce the
  /// state which it requires, those that produce what these require, and so on.
  private int[] usefulKinds(long[] stack, int frame) {
    if (!overwriting || allKinds.length == 0) {
      return allKinds;
    }
    int state = (int) stack[frame];
    int completion = completionOf(stack[frame]);
    Set<Integer> wanted = new LinkedHashSet<>();
    for (int call : open[completion]) {
      if (required[steps[call]] != Transitions.ANY && !isSet(stack, frame, bits[call])) {
        wanted.add(required[steps[call]]);
      }
    }
    Deque<Integer> left = new ArrayDeque<>(wanted);
    List<Integer> kinds = new ArrayList<>();
    while (!left.isEmpty()) {
      for (int kind : kindsByProduct.getOrDefault(left.pop(), List.of())) {
        int before = required[crashedSteps[kind]];
        if (firstUnused(stack, frame, kind, completion) != NOT_OPEN) {
          kinds.add(kind);
          if (before != Transitions.ANY && before != state && wanted.add(before)) {
            left.add(before);
          }
        }
      }
    }
    return kinds.stream().mapToInt(Integer::intValue).toArray();
  }

  /// Whether the call that completes next never can take effect. Not asked of calls that complete
  /// later: what comes before their completions may still go well, and the failing prefix is
  /// longer.
  private boolean isHopeless(long[] configuration) {
    int completion = completionOf(configuration[0]);
    return !isSet(configuration, 0, bits[completion])
        && transitions.isHopeless((int) configuration[0], steps[completion]);
  }

  private void become(long[] stack, int frame, int completion, int state, int bit, long[] target) {
    System.arraycopy(stack, frame, target, 0, words);
    target[0] = (long) completion << Integer.SIZE | state;
    if (bit != NO_BIT) {
      target[bit / Long.SIZE] |= 1L << bit;
    }
  }

  /// Lets all reads take effect that can, and goes past all completions of calls that have.
  ///
  /// @return whether it came past the last one
  private boolean settle(long[] configuration) {
    int state = (int) configuration[0];
    int completion = completionOf(configuration[0]);
    boolean moved = true;
    while (moved && completion < completing.size()) {
      for (int call : open[completion]) {
        if (!isSet(configuration, 0, bits[call])
            && readOnly[steps[call]]
            && transitions.next(state, steps[call]) != Transitions.IMPOSSIBLE) {
          configuration[bits[call] / Long.SIZE] |= 1L << bits[call];
        }
      }
      moved = isSet(configuration, 0, bits[completion]);
      if (moved) {
        configuration[bits[completion] / Long.SIZE] &= ~(1L << bits[completion]);
        completion++;
      }
    }
    configuration[0] = (long) completion << Integer.SIZE | state;
    return completion == completing.size();
  }

  private static int completionOf(long head) {
    return (int) (head >>> Integer.SIZE);
  }

  private static boolean isSet(long[] configuration, int offset, int bit) {
    return (configuration[offset + bit / Long.SIZE] & 1L << bit) != 0;
  }
}
