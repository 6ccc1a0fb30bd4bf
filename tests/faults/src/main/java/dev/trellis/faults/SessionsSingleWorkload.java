package dev.trellis.faults;

import dev.trellis.client.Trellis;
import dev.trellis.client.session.Guarantee;
import dev.trellis.client.session.Session;
import dev.trellis.history.check.MonotonicReads;
import dev.trellis.history.check.MonotonicWrites;
import dev.trellis.history.check.ReadYourWrites;
import dev.trellis.history.check.ReplicaConvergence;
import dev.trellis.history.check.WritesFollowReads;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.View;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.random.RandomGenerator;

/// Sessions with the four guarantees of single reads and writes, on registers that all of them
/// write and any replica answers for, from one client after another.
final class SessionsSingleWorkload extends Workload {
  private static final int KEYS = 6;

  private final AtomicLong next = new AtomicLong();
  private final TravellingSession.Machines machines = new TravellingSession.Machines();

  SessionsSingleWorkload() {
    super("sessions-single", KEYS);
  }

  @Override
  Steps steps(int number, RandomGenerator random) {
    TravellingSession session = new TravellingSession(Guarantee.SESSION, machines, random);
    return () -> {
      int key = random.nextInt(KEYS);
      return random.nextInt(5) < 2
          ? write(key, next.getAndIncrement(), session)
          : read(key, session);
    };
  }

  private Step write(int key, long value, TravellingSession session) {
    return new Step(
        "write",
        key,
        value,
        client -> {
          var _ =
              session
                  .on(client)
                  .register(Payload.ofText(keyOf(key)))
                  .withOptions(REPLICATED)
                  .putText(Long.toString(value));
          return new Told(value, Map.of("version", session.lastVersion()));
        });
  }

  private Step read(int key, TravellingSession session) {
    return new Step("read", key, null, client -> read(session.on(client), key));
  }

  private Told read(Session session, int key) {
    var reply = session.execute(Payload.ofText(keyOf(key)), new Read.State(), REPLICATED);
    View view = ((Outcome.Done) Trellis.await(reply).outcome()).view();
    Entry entry = view instanceof View.State shown ? shown.entry() : Entry.BOTTOM;
    if (entry.value(Kind.LWW).orElse(null) instanceof LwwRegister register
        && register.payload().isPresent()) {
      return new Told(
          number(register.payload().get()),
          Map.of("version", TravellingSession.version(register.timestamp(), register.writer())));
    }
    return new Told(null, Map.of());
  }

  @Override
  Step finalRead(int key) {
    return readRegister(key, ALL);
  }

  @Override
  List<Promise> promises(Fault fault, List<Ending> endings) {
    return List.of(
        new Promise(new ReadYourWrites(), true),
        new Promise(new MonotonicReads(), true),
        new Promise(new MonotonicWrites(), true),
        new Promise(new WritesFollowReads(), true),
        new Promise(new ReplicaConvergence(), true));
  }
}
