package dev.trellis.lattice;

import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/// `multicausal`: a [CausalRegister] whose values name the versions of other keys that they depend
/// on, or the time by which that was written. Each sibling keeps its own dependencies, so those of
/// a replaced value go with it.
///
/// @param register the siblings and what they replaced
/// @see "Wu et al., Anna: A KVS for Any Scale, ICDE 2018, §VI.C"
public record MultiCausalRegister(CausalRegister register) implements Value<MultiCausalRegister> {
  public static final MultiCausalRegister EMPTY = new MultiCausalRegister(CausalRegister.EMPTY);

  /// This register for one who has all that its values depend on, or keeps track of that elsewhere.
  public MultiCausalRegister withoutDependencies() {
    Map<Dot, CausalRegister.Sibling> bare = new TreeMap<>();
    for (Map.Entry<Dot, CausalRegister.Sibling> sibling : register.siblings()) {
      CausalRegister.Sibling full = sibling.getValue();
      bare.put(
          sibling.getKey(),
          new CausalRegister.Sibling(
              full.payload(), full.expiresAtMillis(), Collections.emptySortedMap()));
    }
    return new MultiCausalRegister(CausalRegister.of(bare, register.context()));
  }

  MultiCausalRegister withoutExpired(HybridTimestamp cutoff) {
    CausalRegister kept = register.withoutExpired(cutoff);
    return kept == register ? this : new MultiCausalRegister(kept);
  }

  @Override
  public MultiCausalRegister merge(MultiCausalRegister other) {
    CausalRegister merged = register.merge(other.register);
    return merged == register ? this : new MultiCausalRegister(merged);
  }

  @Override
  public Stream<MultiCausalRegister> split(long weightMax) {
    return register.split(weightMax).map(MultiCausalRegister::new);
  }

  @Override
  public int kindNumber() {
    return Kind.MULTICAUSAL.number();
  }

  @Override
  public long weight() {
    return register.weight();
  }

  @Override
  public int parts() {
    return register.parts();
  }
}
