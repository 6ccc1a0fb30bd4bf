package dev.trellis.lattice;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/// `multicausal`: a [CausalRegister] whose values name the versions of other keys that they depend
/// on. Each sibling keeps its own dependencies, so those of a replaced value go with it.
///
/// @param register the siblings and what they replaced
/// @see "Wu et al., Anna: A KVS for Any Scale, ICDE 2018, §VI.C"
public record MultiCausalRegister(CausalRegister register) implements Value<MultiCausalRegister> {
  public static final MultiCausalRegister EMPTY = new MultiCausalRegister(CausalRegister.EMPTY);

  /// What the siblings together depend on: key to version. O(siblings × dependencies).
  public SortedMap<Payload, CausalContext> dependencies() {
    SortedMap<Payload, CausalContext> merged = new TreeMap<>();
    for (Map.Entry<?, CausalRegister.Sibling> sibling : register.siblings()) {
      sibling
          .getValue()
          .dependencies()
          .forEach((key, version) -> merged.merge(key, version, CausalContext::merge));
    }
    return merged;
  }

  MultiCausalRegister withoutExpired(HybridTimestamp cutoff) {
    CausalRegister kept = register.withoutExpired(cutoff);
    return kept == register ? this : new MultiCausalRegister(kept);
  }

  MultiCausalRegister tombstones(long bornBefore) {
    return new MultiCausalRegister(register.tombstones(bornBefore));
  }

  MultiCausalRegister withoutTombstones(long bornBefore) {
    CausalRegister kept = register.withoutTombstones(bornBefore);
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
