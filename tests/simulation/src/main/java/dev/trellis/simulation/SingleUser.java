package dev.trellis.simulation;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.CallOptions;
import dev.trellis.history.check.Checker;
import dev.trellis.history.check.MonotonicWrites;
import dev.trellis.history.check.WritesFollowReads;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.GrowSet;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.ObservedRemoveSet;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Reads and writes single keys of all kinds.
final class SingleUser extends SessionUser {
  static final String REGISTER = "lww";
  static final String SET = "orset";

  private static final List<String> KEYS =
      List.of(
          "lww-0",
          "lww-1",
          "lww-2",
          "lww-0",
          "lww-1",
          "orset-0",
          "orset-1",
          "orset-0",
          "gset-0",
          "counter-0",
          "max-0",
          "log-0",
          "sortedset-0",
          "map-0");

  /// The checkers that know of sets.
  private static final Set<String> SETS =
      Set.of(new MonotonicWrites().name(), new WritesFollowReads().name());

  private @Nullable Payload last; // key
  private final Set<Payload> deleted = new HashSet<>(); // by the session, as the last it wrote

  SingleUser(int number, int steps, Surroundings around) {
    super(number, steps, around);
  }

  static String kindOf(Payload key) {
    return key.text().substring(0, key.text().indexOf('-'));
  }

  @Override
  void step() {
    maybeHandOver();
    // Often the same key again, while what was just written or read is not everywhere.
    Payload key = random.nextBoolean() && last != null ? last : Payload.ofText(pick(KEYS));
    last = key;
    if (random.nextInt(20) < 9) {
      write(key);
    } else {
      read(key);
    }
  }

  // ---- Writing ----

  private void write(Payload key) {
    switch (kindOf(key)) {
      case REGISTER -> {
        boolean delete = random.nextInt(10) == 0;
        long value = newValue();
        if (!delete && deleted.contains(key)) {
          tally.count(SessionCase.GENERATION);
        }
        write(
            key,
            delete ? new Mutation.Delete() : new Mutation.Put(text(value)),
            delete ? "delete" : "write",
            delete ? Optional.empty() : Optional.of(value));
      }
      case SET -> {
        List<Payload> elements = new ArrayList<>();
        known(key)
            .value(Kind.ORSET)
            .ifPresent(value -> ((ObservedRemoveSet) value).elements().forEach(elements::add));
        if (!elements.isEmpty() && random.nextInt(3) == 0) {
          Payload element = pick(elements);
          tally.count(SessionCase.REMOVAL);
          write(
              key,
              new Mutation.Remove(List.of(element)),
              "remove",
              Optional.of(Long.parseLong(element.text())));
        } else {
          long element = newValue();
          write(
              key,
              new Mutation.Add(Kind.ORSET, List.of(text(element))),
              "add",
              Optional.of(element));
        }
      }
      case String kind -> write(key, mutation(kind), "write", Optional.of(newValue()));
    }
  }

  private static Payload text(long value) {
    return Payload.ofText(Long.toString(value));
  }

  private Mutation mutation(String kind) {
    Payload element = Payload.ofText("e" + random.nextInt(6));
    return switch (kind) {
      case "gset" -> new Mutation.Add(Kind.GSET, List.of(text(newValue())));
      case "counter" -> new Mutation.Increment(random.nextInt(-3, 9));
      case "max" -> new Mutation.Raise(random.nextInt(1_000));
      case "log" -> new Mutation.Append(List.of(text(newValue())));
      case "sortedset" ->
          random.nextInt(3) == 0
              ? new Mutation.RemoveMembers(List.of(element))
              : new Mutation.AddScored(
                  List.of(new Mutation.ScoredMember(element, random.nextInt(100))));
      case "map" -> new Mutation.UpdateField(element, new Mutation.Put(text(newValue())));
      default -> throw new IllegalStateException(kind);
    };
  }

  private void write(Payload key, Mutation mutation, String f, Optional<Long> value) {
    SessionHistory.Asked call =
        history.invoke(
            kindOf(key), process, name, f, SessionHistory.keyed(key.text(), value.orElse(null)));
    SessionClient by = client;
    // Removals are judged by what is there in the end.
    CallOptions options =
        mutation instanceof Mutation.Remove
            ? options().withAcknowledgement(Acknowledgement.REPLICATED)
            : options();
    ask(
        key,
        mutation,
        options,
        (reply, failure) -> {
          if (failure != null) {
            failed(call, endingOfWrite(failure));
          } else {
            wrote(key, mutation, call, by, value, Objects.requireNonNull(reply));
          }
          later(this::next);
        });
  }

  private void wrote(
      Payload key,
      Mutation mutation,
      SessionHistory.Asked call,
      SessionClient by,
      Optional<Long> value,
      Reply reply) {
    reply.delta().ifPresentOrElse(delta -> hasWritten(key, delta), this::knowsTimeOnly);
    Object told = SessionHistory.keyed(key.text(), value.orElse(null));
    long generation = reply.generation().packed();
    Optional<List<Long>> version = Optional.empty();
    switch (mutation) {
      case Mutation.Put put -> {
        deleted.remove(key);
        HybridTimestamp stamp = Objects.requireNonNull(stamps.get(key));
        version = Optional.of(version(generation, stamp.packed(), by.clientId()));
      }
      case Mutation.Delete delete -> {
        deleted.add(key);
        version = reply.delta().flatMap(SingleUser::versionOf);
      }
      case Mutation.Remove remove -> {
        if (isBelievedToLack(key)) {
          tally.count(SessionCase.LOST);
          failed(call, Ending.UNKNOWN); // it goes by less
          return;
        }
      }
      case Mutation.Add add -> {
        if (reply.delta().isEmpty()) {
          failed(call, Ending.UNKNOWN); // a repeat, of which nobody knows the names
          return;
        }
      }
      default -> {}
    }
    version.ifPresentOrElse(one -> call.ok(told, "version", one), () -> call.ok(told));
  }

  /// The version of a register, a deleted one too; empty where there is none.
  private static Optional<List<Long>> versionOf(Entry entry) {
    long generation = entry.generation().packed();
    if (entry.value(Kind.LWW).orElse(null) instanceof LwwRegister register) {
      return Optional.of(version(generation, register.timestamp().packed(), register.writer()));
    }
    return generation == 0 ? Optional.empty() : Optional.of(version(generation));
  }

  // ---- Reading ----

  private void read(Payload key) {
    List<Payload> elements = new ArrayList<>();
    mustShow(key)
        .value(Kind.GSET)
        .ifPresent(value -> ((GrowSet) value).elements().forEach(elements::add));
    if (!elements.isEmpty() && random.nextBoolean()) {
      contains(key, pick(elements));
      return;
    }
    SessionHistory.Asked call =
        history.invoke(kindOf(key), process, name, "read", SessionHistory.keyed(key.text(), null));
    ask(
        key,
        new Read.State(),
        options(),
        (reply, failure) -> {
          if (failure != null) {
            call.fail();
          } else {
            shown(key, call, entryOf(Objects.requireNonNull(reply)));
          }
          later(this::next);
        });
  }

  private void shown(Payload key, SessionHistory.Asked call, Entry entry) {
    String before = name;
    check(key, entry);
    hasRead(key, entry);
    if (!before.equals(name)) {
      call.fail(); // what it shows is not for the session as it was
      return;
    }
    switch (kindOf(key)) {
      case REGISTER -> {
        Optional<Long> value =
            entry
                .value(Kind.LWW)
                .flatMap(register -> ((LwwRegister) register).payload())
                .map(payload -> Long.valueOf(payload.text()));
        Object told = SessionHistory.keyed(key.text(), value.orElse(null));
        versionOf(entry).ifPresentOrElse(one -> call.ok(told, "version", one), () -> call.ok(told));
      }
      case SET -> call.ok(SessionHistory.keyed(key.text(), elementsOf(entry)));
      default -> call.ok(SessionHistory.keyed(key.text(), null));
    }
  }

  /// The numbers in the set of an entry.
  static Set<Long> elementsOf(Entry entry) {
    Set<Long> elements = new HashSet<>();
    entry
        .value(Kind.ORSET)
        .ifPresent(
            value ->
                ((ObservedRemoveSet) value)
                    .elements()
                    .forEach(element -> elements.add(Long.valueOf(element.text()))));
    return elements;
  }

  /// Asks for an element that must be there; a replica answers it.
  private void contains(Payload key, Payload element) {
    Entry known = Entry.of(mustShow(key).generation(), GrowSet.of(List.of(element)));
    ask(
        key,
        new Read.Contains(Kind.GSET, List.of(element)),
        options(),
        (reply, failure) -> {
          if (failure == null
              && ((Outcome.Done) Objects.requireNonNull(reply).outcome()).view()
                  instanceof View.Elements shown) {
            check(
                key,
                shown.elements().contains(element)
                    ? mustShow(key)
                    : Entry.of(known.generation(), GrowSet.EMPTY),
                true);
          }
          later(this::next);
        });
  }

  /// Whether a checker looks at the history of a kind: of sets it is told which elements there are,
  /// and of other kinds nothing that checkers know.
  static boolean isFor(String kind, Checker checker) {
    return switch (kind) {
      case SET -> SETS.contains(checker.name());
      case "gset", "counter", "max", "log", "sortedset", "map" -> false;
      default -> true;
    };
  }
}
