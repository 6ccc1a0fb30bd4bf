package dev.trellis.simulation;

import dev.trellis.causal.CausalContext;
import dev.trellis.lattice.CausalRegister;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.MultiCausalRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import java.util.HashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/// Reads causal values, and writes such as replace what it has read of the same key.
final class CausalUser extends SessionUser {
  private static final int KEYS = 5;
  private static final String HISTORY = "causal";

  CausalUser(int number, int steps, Surroundings around) {
    super(number, steps, around);
  }

  @Override
  void step() {
    maybeHandOver();
    Payload key = Payload.ofText("k" + random.nextInt(KEYS));
    boolean writes = random.nextInt(5) < 2;
    read(
        key,
        context -> {
          if (writes) {
            later(
                () -> {
                  maybeHandOver();
                  write(key, context);
                });
          } else {
            later(this::next);
          }
        });
  }

  private void read(Payload key, Consumer<CausalContext> then) {
    SessionHistory.Asked call =
        history.invoke(HISTORY, process, name, "read", SessionHistory.keyed(key.text(), null));
    ask(
        key,
        new Read.State(),
        options(),
        (reply, failure) -> {
          if (failure != null) {
            call.fail();
            later(this::next);
            return;
          }
          Entry shown = entryOf(Objects.requireNonNull(reply));
          String before = name;
          check(key, shown);
          hasRead(key, shown);
          Optional<CausalRegister> register =
              shown.value(Kind.MULTICAUSAL).map(value -> ((MultiCausalRegister) value).register());
          if (!before.equals(name)) {
            // What it shows is not for the session as it was; so nothing may go by it.
            call.fail();
            later(this::next);
            return;
          }
          Set<Long> values = new HashSet<>();
          register.ifPresent(
              known ->
                  known
                      .siblings()
                      .forEach(
                          sibling ->
                              values.add(Long.valueOf(sibling.getValue().payload().text()))));
          call.ok(SessionHistory.keyed(key.text(), values));
          then.accept(register.map(CausalRegister::context).orElse(CausalContext.EMPTY));
        });
  }

  private void write(Payload key, CausalContext context) {
    long value = newValue();
    SessionHistory.Asked call =
        history.invoke(HISTORY, process, name, "write", SessionHistory.keyed(key.text(), value));
    ask(
        key,
        new Mutation.PutMultiCausal(Payload.ofText(Long.toString(value)), context, Map.of()),
        options(),
        (reply, failure) -> {
          if (failure != null) {
            failed(call, endingOfWrite(failure));
          } else if (Objects.requireNonNull(reply).delta().isPresent()) {
            hasWritten(key, reply.delta().get());
            call.ok(SessionHistory.keyed(key.text(), value));
          } else {
            knowsTimeOnly();
            failed(call, Ending.UNKNOWN); // a repeat, of which nobody knows the name
          }
          later(this::next);
        });
  }

  /// With a node may go what it alone has, which was acknowledged by one: then nobody finds it any
  /// more, though values that came after it are there. What others were sent may yet come; leaving
  /// those keys out, too, costs little.
  static void noteLost(
      SimulatedCluster cluster,
      SimulatedNode crashing,
      SessionHistory history,
      SessionTally tally) {
    for (int number = 0; number < KEYS; number++) {
      Payload key = Payload.ofText("k" + number);
      Entry lost = Entry.BOTTOM;
      Entry left = Entry.BOTTOM;
      for (Map.Entry<SimulatedShard, Entry> copy : cluster.copies(key).entrySet()) {
        if (crashing.shards().contains(copy.getKey())) {
          lost = lost.merge(copy.getValue());
        } else {
          left = left.merge(copy.getValue());
        }
      }
      if (!left.merge(lost).equals(left)) {
        tally.count(SessionCase.LOST);
        history.leaveOut(HISTORY, key.text());
      }
    }
  }

  /// What all that hold a cause say is believed: where none of those that the one asked knows of
  /// has any of it, it is lost, and readers of its effects need not find it.
  @Override
  void gathered(Payload key, Entry told, Entry known) {
    if (told.value(Kind.MULTICAUSAL).isEmpty() && known.value(Kind.MULTICAUSAL).isEmpty()) {
      tally.count(SessionCase.LOST);
      cluster.trace().tell(() -> name + " goes on without what there was of " + key);
      history.leaveOut(HISTORY, key.text());
    }
  }
}
