package dev.trellis.lattice;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.ReplicaId;
import dev.trellis.causal.Tag;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/// `causal`: a register that keeps concurrent values side by side. A put carries the context of
/// what its writer has read; it replaces just the values in that context.
///
/// @see "Preguiça, Baquero, Almeida, Fonte, Gonçalves, Dotted Version Vectors, 2010"
public final class CausalRegister implements Value<CausalRegister> {
  /// One written value.
  ///
  /// @param expiresAtMillis when it starts to count as missing; [Expiry#NEVER] for never
  /// @param dependencies for `multicausal`: other keys and their versions that it depends on
  /// @param horizon for `multicausal`: what else it depends on was first written by then; zero for
  ///   nothing else
  public record Sibling(
      Payload payload,
      long expiresAtMillis,
      SortedMap<Payload, CausalContext> dependencies,
      HybridTimestamp horizon)
      implements Comparable<Sibling> {
    public Sibling {
      Expiry.requireInstant(expiresAtMillis);
      // Not `new TreeMap<>(dependencies)`, which would take over an order other than by bytes.
      SortedMap<Payload, CausalContext> inByteOrder = new TreeMap<>();
      inByteOrder.putAll(dependencies);
      dependencies = Collections.unmodifiableSortedMap(inByteOrder);
    }

    /// A value that depends on nothing but what it names.
    public Sibling(
        Payload payload, long expiresAtMillis, SortedMap<Payload, CausalContext> dependencies) {
      this(payload, expiresAtMillis, dependencies, HybridTimestamp.ZERO);
    }

    boolean isLive(long nowMillis) {
      return !Expiry.isPast(expiresAtMillis, nowMillis);
    }

    int weight() {
      int weight = 32 + payload.size();
      for (Map.Entry<Payload, CausalContext> dependency : dependencies.entrySet()) {
        weight += 4 + dependency.getKey().size() + 12 * dependency.getValue().runCount();
      }
      return weight;
    }

    int dependencyParts() {
      int parts = 0;
      for (CausalContext version : dependencies.values()) {
        parts += 1 + version.replicaCount();
      }
      return parts;
    }

    /// By payload, then expiry, then horizon, then dependencies. A total order, equal only to what
    /// is equal.
    @Override
    public int compareTo(Sibling other) {
      int order = payload.compareTo(other.payload);
      if (order == 0) {
        order = Long.compare(expiresAtMillis, other.expiresAtMillis);
      }
      if (order == 0) {
        order = horizon.compareTo(other.horizon);
      }
      Iterator<Map.Entry<Payload, CausalContext>> theirs = other.dependencies.entrySet().iterator();
      for (Map.Entry<Payload, CausalContext> mine : dependencies.entrySet()) {
        if (order != 0 || !theirs.hasNext()) {
          return order != 0 ? order : 1;
        }
        Map.Entry<Payload, CausalContext> their = theirs.next();
        order = mine.getKey().compareTo(their.getKey());
        if (order == 0) {
          order = mine.getValue().compareTo(their.getValue());
        }
      }
      return order == 0 && theirs.hasNext() ? -1 : order;
    }
  }

  private static final DotStore<Sibling> NOTHING =
      DotStore.empty(
          new PersistentMap.Weigher<Dot, Sibling>() {
            @Override
            public long weigh(Dot dot, Sibling sibling) {
              return sibling.weight();
            }

            @Override
            public int parts(Dot dot, Sibling sibling) {
              return 3 + sibling.dependencyParts();
            }
          });

  public static final CausalRegister EMPTY = new CausalRegister(NOTHING);

  private final DotStore<Sibling> siblings;

  private CausalRegister(DotStore<Sibling> siblings) {
    this.siblings = siblings;
  }

  /// A state of just these siblings, having seen `context` besides; for codecs and tests.
  public static CausalRegister of(Map<Dot, Sibling> siblings, CausalContext context) {
    return new CausalRegister(NOTHING.holding(siblings, context));
  }

  /// The delta by which `replica` puts a value that replaces the siblings in `context`.
  public CausalRegister put(ReplicaId replica, Sibling value, CausalContext context) {
    Dot dot = new Dot(replica, siblings.context().merge(context).counterOf(replica) + 1);
    return of(Map.of(dot, value), context);
  }

  /// The delta by which a mutation puts a value that replaces the siblings in `context`, under the
  /// dot of its tag. Where the tag is known the value comes again, and replaces nothing more; it
  /// stays away if it was replaced since.
  public CausalRegister put(Tag tag, Sibling value, CausalContext context) {
    Dot dot = tag.dot(0);
    if (siblings.context().contains(dot) && siblings.find(dot) == null) {
      return of(Map.of(), CausalContext.of(dot));
    }
    // Who has read his own put has seen what came after it, which is not for him to replace: the
    // first time he had not.
    boolean again = siblings.context().contains(dot) || context.contains(dot);
    return of(Map.of(dot, value), again ? CausalContext.EMPTY : context);
  }

  /// The sibling under a dot; empty if there is none.
  public Optional<Sibling> sibling(Dot dot) {
    return Optional.ofNullable(siblings.find(dot));
  }

  /// The siblings by dot, expired ones included.
  public Iterable<Map.Entry<Dot, Sibling>> siblings() {
    return siblings.items();
  }

  /// The siblings that a reader at `nowMillis` may see, ordered by bytes.
  public List<Sibling> liveSiblings(long nowMillis) {
    List<Sibling> live = new ArrayList<>(siblings.size());
    for (Map.Entry<Dot, Sibling> sibling : siblings.items()) {
      if (sibling.getValue().isLive(nowMillis)) {
        live.add(sibling.getValue());
      }
    }
    Collections.sort(live);
    return live;
  }

  public int size() {
    return siblings.size();
  }

  /// The dots seen, of the siblings and of what they replaced.
  public CausalContext context() {
    return siblings.context();
  }

  boolean isLive(long nowMillis) {
    for (Map.Entry<Dot, Sibling> sibling : siblings.items()) {
      if (sibling.getValue().isLive(nowMillis)) {
        return true;
      }
    }
    return false;
  }

  /// The first expiry after `nowMillis`; the greatest long if there is none.
  long nextExpiry(long nowMillis) {
    long earliest = Long.MAX_VALUE;
    for (Map.Entry<Dot, Sibling> sibling : siblings.items()) {
      long at = sibling.getValue().expiresAtMillis();
      earliest = at > nowMillis ? Math.min(earliest, at) : earliest;
    }
    return earliest;
  }

  /// The last expiry of any sibling; 0 if none expires.
  long lastExpiry() {
    long latest = 0;
    for (Map.Entry<Dot, Sibling> sibling : siblings.items()) {
      latest = Math.max(latest, sibling.getValue().expiresAtMillis());
    }
    return latest;
  }

  /// This register without the siblings that expired at `cutoff` or before, which stay seen. O(n).
  CausalRegister withoutExpired(HybridTimestamp cutoff) {
    DotStore<Sibling> kept = siblings;
    for (Map.Entry<Dot, Sibling> sibling : siblings.items()) {
      if (!sibling.getValue().isLive(cutoff.millis())) {
        kept = kept.without(sibling.getKey());
      }
    }
    return kept == siblings ? this : new CausalRegister(kept);
  }

  /// The dots of replaced siblings that only invocations born before `bornBefore` could ask for, as
  /// a state of its own.
  CausalRegister tombstones(long bornBefore) {
    CausalContext gone = siblings.goneOfInvocations(bornBefore);
    return gone.isEmpty() ? EMPTY : new CausalRegister(NOTHING.aware(gone));
  }

  CausalRegister withoutTombstones(long bornBefore) {
    DotStore<Sibling> kept = siblings.unaware(siblings.goneOfInvocations(bornBefore));
    return kept == siblings ? this : new CausalRegister(kept);
  }

  /// The id with the greatest birth among those of `incarnation` with at least `birthMin`.
  public Optional<ReplicaId> latestOf(long incarnation, long birthMin, long birthEnd) {
    return siblings.context().latestOf(incarnation, birthMin, birthEnd);
  }

  @Override
  public CausalRegister merge(CausalRegister other) {
    DotStore<Sibling> merged = siblings.merge(other.siblings, DotStore.unwatched());
    return merged == siblings ? this : new CausalRegister(merged);
  }

  @Override
  public Stream<CausalRegister> split(long weightMax) {
    return siblings.split(weightMax).map(CausalRegister::new);
  }

  @Override
  public int kindNumber() {
    return Kind.CAUSAL.number();
  }

  @Override
  public long weight() {
    return siblings.weight();
  }

  @Override
  public int parts() {
    return siblings.parts();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof CausalRegister register && siblings.equals(register.siblings);
  }

  @Override
  public int hashCode() {
    return siblings.hashCode();
  }

  @Override
  public String toString() {
    return "CausalRegister[" + siblings + "]";
  }
}
