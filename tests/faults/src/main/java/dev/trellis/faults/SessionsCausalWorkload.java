package dev.trellis.faults;

import dev.trellis.client.session.Guarantee;
import dev.trellis.client.session.Session;
import dev.trellis.history.check.CausalOrder;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.View;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.random.RandomGenerator;

/// Causal sessions on registers that keep concurrent values side by side, from one client after
/// another. A session writes a register after it has read it, so that what it writes replaces what
/// it has seen. All of it is about one key as far as the history goes, as for
/// [SessionsAtomicWorkload].
final class SessionsCausalWorkload extends Workload {
  private static final int REGISTERS = 5;

  private final AtomicLong next = new AtomicLong();
  private final TravellingSession.Machines machines = new TravellingSession.Machines();

  SessionsCausalWorkload() {
    super("sessions-causal", 1);
  }

  @Override
  Steps steps(int number, RandomGenerator random) {
    TravellingSession session = new TravellingSession(Set.of(Guarantee.CAUSAL), machines, random);
    Map<Integer, View.Siblings> seen = new HashMap<>(); // by the last step, if that read
    return () -> {
      if (!seen.isEmpty() && random.nextBoolean()) {
        // At once: what the session learns meanwhile, it would write beside and not over.
        Map.Entry<Integer, View.Siblings> last = seen.entrySet().iterator().next();
        seen.clear();
        return write(last.getKey(), last.getValue(), session);
      }
      seen.clear();
      return read(random.nextInt(REGISTERS), seen, session);
    };
  }

  private Step write(int register, View.Siblings before, TravellingSession session) {
    long value = next.getAndIncrement();
    return new Step(
        "write",
        0,
        keyed(register, value),
        client -> {
          var _ =
              session
                  .on(client)
                  .multiCausal(key(register))
                  .withOptions(REPLICATED)
                  .put(Payload.ofText(Long.toString(value)), before.context(), Map.of());
          return keyed(register, value);
        });
  }

  private Step read(int register, Map<Integer, View.Siblings> seen, TravellingSession session) {
    return new Step(
        "read",
        0,
        keyed(register, null),
        client -> {
          Session at = session.on(client);
          View.Siblings shown = at.multiCausal(key(register)).withOptions(REPLICATED).get();
          seen.put(register, shown);
          Set<Object> values = new HashSet<>();
          shown.siblings().forEach(sibling -> values.add(number(sibling.value())));
          return keyed(register, values);
        });
  }

  private Payload key(int register) {
    return Payload.ofText(register == 0 ? keyOf(0) : keyOf(0) + "/" + register);
  }

  /// Not one of the reads that are judged: it is nobody's session.
  @Override
  Step finalRead(int key) {
    return new Step(
        "look",
        key,
        null,
        client -> client.multiCausal(key(key)).withOptions(ALL).get().siblings().size());
  }

  @Override
  List<Promise> promises(Fault fault, List<Ending> endings) {
    return List.of(new Promise(new CausalOrder(), true));
  }
}
