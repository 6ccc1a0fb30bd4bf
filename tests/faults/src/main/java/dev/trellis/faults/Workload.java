package dev.trellis.faults;

import dev.trellis.client.CallOptions;
import dev.trellis.client.RegisterHandle;
import dev.trellis.client.Trellis;
import dev.trellis.history.check.CheckResult;
import dev.trellis.history.check.Checker;
import dev.trellis.history.edn.Keyword;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.ReadMode;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/// A load and what is promised to it. Each works on several keys, since a fault that hits no
/// replica of a key shows nothing; the values of its operations are `[key value]`, as with Jepsen's
/// independent keys, and each key's history is judged by itself.
abstract class Workload {
  /// In every history, what each replica held of a key in the end: `[key {node value, …}]`.
  static final String REPLICAS = "replicas";

  /// The extra field of reads that were made once all was mended and at rest.
  static final String FINAL = "final";

  static final CallOptions REPLICATED =
      CallOptions.DEFAULT.withAcknowledgement(Acknowledgement.REPLICATED);
  static final CallOptions DURABLE =
      CallOptions.DEFAULT.withAcknowledgement(Acknowledgement.DURABLE);
  static final CallOptions ALL = REPLICATED.withReadMode(ReadMode.ALL);

  private final String name;
  private final int keyCount;

  Workload(String name, int keyCount) {
    this.name = name;
    this.keyCount = keyCount;
  }

  /// All there are, in the order in which they are shown.
  ///
  /// @param workers client threads of each
  /// @param gossipEpoch of the nodes
  static List<Workload> all(int workers, Duration gossipEpoch) {
    return List.of(
        new SetWorkload(),
        new SetOneWorkload(gossipEpoch),
        new SetWorkload("set-durable", DURABLE),
        new CounterWorkload(),
        new RegisterWorkload(),
        new DeleteWorkload(workers),
        new SessionWorkload(workers),
        new SessionsSingleWorkload(),
        new SessionsAtomicWorkload(),
        new SessionsCausalWorkload());
  }

  /// Whether any of some workloads is for a fault.
  static boolean isAnyFor(List<String> names, Fault fault, ClusterPlan cluster) {
    return all(1, Duration.ZERO).stream()
        .anyMatch(workload -> names.contains(workload.name()) && workload.isFor(fault, cluster));
  }

  /// The names of all there are, in that order.
  static List<String> names() {
    return all(1, Duration.ZERO).stream().map(Workload::name).toList();
  }

  /// Whether anything is promised to it under a fault on such a cluster.
  final boolean isFor(Fault fault, ClusterPlan cluster) {
    return isDurable() ? cluster.ssdNodes() > 0 : !fault.takesMemory();
  }

  /// Whether what it writes is on disk once it is acknowledged.
  boolean isDurable() {
    return false;
  }

  /// What people type.
  final String name() {
    return name;
  }

  /// How many keys it works on; they are numbered from 0.
  final int keyCount() {
    return keyCount;
  }

  /// The name of a key in the store.
  final String keyOf(int key) {
    return name + ":" + key;
  }

  /// One thing to do.
  ///
  /// @param f the function, such as `add`
  /// @param argument of the invocation
  record Step(String f, int key, @Nullable Object argument, Action action) {
    boolean isRead() {
      return f.equals("read");
    }
  }

  /// What a step does to the store.
  interface Action {
    /// Carries it out.
    ///
    /// @return what is told of it, or [Told]; for a write, its argument
    @Nullable Object perform(Trellis client);
  }

  /// Draws the steps of one client thread.
  interface Steps {
    Step next();
  }

  /// @param number of the thread, from 0
  abstract Steps steps(int number, RandomGenerator random);

  /// Reads a key, asking all its replicas.
  abstract Step finalRead(int key);

  /// What tells which of two results is the newer one, where there is such a thing.
  Optional<Object> version(@Nullable Object result) {
    return Optional.empty();
  }

  /// What is to be kept, checked for each key's history.
  ///
  /// @param fault that the history was made under
  /// @param endings of processes meanwhile
  abstract List<Promise> promises(Fault fault, List<Ending> endings);

  /// What was measured, a sentence for people; empty where there is nothing to measure.
  ///
  /// @param results of all checks of all keys
  Optional<String> measured(List<CheckResult> results) {
    return Optional.empty();
  }

  /// A promise, or what is just looked at.
  ///
  /// @param isKept whether it is promised, so that breaking it is a failure; else it is reported
  record Promise(Checker checker, boolean isKept) {}

  /// Puts a number into the register of a key.
  final Step write(int key, long value) {
    return new Step(
        "write",
        key,
        value,
        client -> {
          var _ = register(client, key, REPLICATED).putText(Long.toString(value));
          return value;
        });
  }

  /// Deletes the register of a key.
  final Step delete(int key) {
    return new Step(
        "delete",
        key,
        null,
        client -> {
          var _ = register(client, key, REPLICATED).delete();
          return null;
        });
  }

  /// Reads the number in the register of a key; nil if there is none.
  final Step readRegister(int key, CallOptions options) {
    return new Step(
        "read",
        key,
        null,
        client ->
            register(client, key, options).get().map(value -> (Object) number(value)).orElse(null));
  }

  private RegisterHandle register(Trellis client, int key, CallOptions options) {
    return client.register(Payload.ofText(keyOf(key))).withOptions(options);
  }

  /// What a replica shows, as an EDN value that is equal for equal contents.
  static @Nullable Object edn(View view) {
    return switch (view) {
      case View.Missing missing -> null;
      case View.Whole whole -> whole.value();
      case View.Bytes bytes -> number(bytes.value());
      case View.Elements elements -> numbers(elements.elements());
      case View other -> other.toString();
    };
  }

  static long number(Payload value) {
    return Long.parseLong(value.text());
  }

  static List<Long> numbers(List<Payload> elements) {
    List<Long> numbers = new ArrayList<>();
    elements.forEach(element -> numbers.add(number(element)));
    return List.copyOf(new TreeSet<>(numbers));
  }

  /// As the value of an operation.
  static List<@Nullable Object> keyed(int key, @Nullable Object value) {
    return Arrays.asList((long) key, value);
  }

  /// What a checker found in the history of one key.
  ///
  /// @param isFailure whether a promise is broken
  record Finding(String key, String checker, CheckResult result, boolean isFailure) {}

  /// The keyword of the process that writes down what the replicas held.
  static Keyword replicas() {
    return Keyword.of(REPLICAS);
  }
}
