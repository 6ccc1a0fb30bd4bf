package dev.trellis.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.trellis.lattice.Payload;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class InFlightTest {
  private final InFlight inFlight = new InFlight();

  /// Some are answered at once, some never: these are overtaken by ten thousands of others.
  @Test
  void everyCallIsFoundUnderItsIdWhateverItsAge() {
    SplittableRandom random = new SplittableRandom(7);
    Map<Long, Pending> expected = new HashMap<>();
    List<Long> young = new ArrayList<>();
    for (long id = 1; id <= 50_000; id++) {
      Pending call = call(id);
      inFlight.put(call);
      expected.put(id, call);
      if (random.nextInt(40) > 0) {
        young.add(id);
      }
      while (young.size() > 1_000 || (!young.isEmpty() && random.nextInt(3) == 0)) {
        long answered = young.remove(random.nextInt(young.size()));
        assertSame(expected.remove(answered), inFlight.remove(answered));
        assertNull(inFlight.remove(answered));
        assertNull(inFlight.get(answered));
      }
      assertEquals(expected.size(), inFlight.size());
    }
    expected.forEach((id, call) -> assertSame(call, inFlight.get(id)));
    assertEquals(new HashSet<>(expected.values()), new HashSet<>(inFlight.all()));
    assertEquals(expected.size(), inFlight.all().size());
    inFlight.clear();
    assertEquals(0, inFlight.size());
    assertEquals(List.of(), inFlight.all());
    assertNull(inFlight.get(50_000));
  }

  private static Pending call(long id) {
    Pending call = new Pending.OfScan(Payload.EMPTY, Optional.empty(), 1, false, false, 1);
    call.id = id;
    return call;
  }
}
