package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.ReplicaId;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class MultiCausalRegisterTest extends LatticeLaws<MultiCausalRegister> {
  @Override
  MultiCausalRegister generate(RandomGenerator random) {
    return new MultiCausalRegister(Samples.causal(random, true));
  }

  @Override
  Model<MultiCausalRegister> model() {
    return new Models.MultiCausal();
  }

  private static final ReplicaId A = new ReplicaId(1, 0);
  private static final ReplicaId B = new ReplicaId(2, 0);
  private static final Payload KEY = Payload.ofText("other");

  private static MultiCausalRegister put(
      MultiCausalRegister state, ReplicaId replica, String text, CausalContext read, Dot on) {
    return new MultiCausalRegister(
        state
            .register()
            .put(
                replica,
                new CausalRegister.Sibling(
                    Payload.ofText(text),
                    Expiry.NEVER,
                    new TreeMap<>(Map.of(KEY, CausalContext.of(on)))),
                read));
  }

  /// What who reads the register depends on from then on.
  static Map<Payload, CausalContext> dependencies(MultiCausalRegister register) {
    Map<Payload, CausalContext> all = new HashMap<>();
    for (Map.Entry<Dot, CausalRegister.Sibling> sibling : register.register().siblings()) {
      sibling
          .getValue()
          .dependencies()
          .forEach((key, version) -> all.merge(key, version, CausalContext::merge));
    }
    return all;
  }

  @Test
  void theDependenciesOfAllSiblingsAreMergedAndThoseOfAReplacedOneGo() {
    Dot early = new Dot(A, 1);
    Dot late = new Dot(B, 4);
    MultiCausalRegister one = put(MultiCausalRegister.EMPTY, A, "one", CausalContext.EMPTY, early);
    MultiCausalRegister both = one.merge(put(one, B, "two", CausalContext.EMPTY, late));
    assertEquals(Map.of(KEY, CausalContext.of(early, late)), dependencies(both));
    MultiCausalRegister after = both.merge(put(both, A, "three", one.register().context(), late));
    assertEquals(Map.of(KEY, CausalContext.of(late)), dependencies(after));
  }
}
