package dev.trellis.faults;

import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.client.session.Guarantee;
import dev.trellis.client.session.Session;
import dev.trellis.history.check.FracturedReads;
import dev.trellis.history.check.ItemCut;
import dev.trellis.history.check.ReadCommitted;
import dev.trellis.history.check.ReadYourWrites;
import dev.trellis.history.edn.Keyword;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/// Sessions that commit several registers at once and read all or nothing of such commits, from one
/// client after another, also in the midst of a transaction. All of it is about one key as far as
/// the history goes, whose name all registers' names begin with.
final class SessionsAtomicWorkload extends Workload {
  private static final int REGISTERS = 6;
  private static final int PARTS = 5;
  private static final Keyword READ = Keyword.of("r");
  private static final Keyword WRITE = Keyword.of("w");

  /// One read, or the write of a value.
  private record Part(int register, Optional<Long> value) {
    List<@Nullable Object> told(@Nullable Object shown) {
      return Arrays.asList(value.isPresent() ? WRITE : READ, (long) register, shown);
    }

    List<@Nullable Object> asked() {
      return told(value.isPresent() ? value.get() : null);
    }
  }

  private final AtomicLong next = new AtomicLong();
  private final TravellingSession.Machines machines = new TravellingSession.Machines();

  SessionsAtomicWorkload() {
    super("sessions-atomic", 1);
  }

  @Override
  Steps steps(int number, RandomGenerator random) {
    TravellingSession session =
        new TravellingSession(
            Set.of(Guarantee.READ_ATOMIC, Guarantee.READ_YOUR_WRITES), machines, random);
    return () -> {
      List<Part> parts = new ArrayList<>();
      for (int i = 0; i < PARTS; i++) {
        boolean writes = random.nextInt(5) < 2;
        parts.add(
            new Part(
                random.nextInt(REGISTERS),
                writes ? Optional.of(next.getAndIncrement()) : Optional.empty()));
      }
      return new Step(
          "txn",
          0,
          parts.stream().map(Part::asked).toList(),
          client -> transact(client, session, parts));
    };
  }

  private Told transact(Trellis client, TravellingSession session, List<Part> parts) {
    List<List<@Nullable Object>> done = new ArrayList<>();
    Map<Object, Object> versions = new LinkedHashMap<>();
    try {
      for (Part part : parts) {
        done.add(carryOut(session.on(client), part));
      }
      Session last = session.on(client);
      long before = session.stamps();
      last.commit();
      if (session.stamps() > before + 1) {
        // One attempt may be there in part, under another timestamp: it has no one version.
        throw TrellisException.of(
            ErrorCode.OUTCOME_UNKNOWN, "a clock was wrong, and the commit was repeated");
      }
    } catch (TrellisException e) {
      session.on(client).abort();
      throw e;
    }
    for (Part part : parts) {
      if (part.value.isPresent()) {
        versions.put((long) part.register, session.lastVersion());
      }
    }
    return new Told(done, Map.of("versions", versions));
  }

  private List<@Nullable Object> carryOut(Session session, Part part) {
    var register =
        session.register(Payload.ofText(keyOf(0) + "/" + part.register)).withOptions(REPLICATED);
    if (part.value.isPresent()) {
      var _ = register.putText(Long.toString(part.value.get()));
      return part.asked();
    }
    return part.told(register.get().map(value -> (Object) number(value)).orElse(null));
  }

  @Override
  Step finalRead(int key) {
    return readRegister(key, ALL);
  }

  @Override
  List<Promise> promises(Fault fault, List<Ending> endings) {
    return List.of(
        new Promise(new FracturedReads(), true),
        new Promise(new ItemCut(), true),
        new Promise(new ReadCommitted(), true),
        new Promise(new ReadYourWrites(), true));
  }
}
