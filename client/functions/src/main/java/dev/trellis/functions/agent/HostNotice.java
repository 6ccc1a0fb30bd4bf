package dev.trellis.functions.agent;

import dev.trellis.lattice.Payload;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/// What a host tells the others of itself, as often as it says that it lives.
///
/// @param types of agents that it can run
/// @param load agents that are active on it
/// @param warm hashes of names of agents whose keys it has in its cache
record HostNotice(HostId host, Set<String> types, int load, Set<Integer> warm) {
  /// Beyond that it does not tell.
  static final int WARM_MAX = 256;

  HostNotice {
    types = new TreeSet<>(types);
    warm = new TreeSet<>(warm);
  }

  /// The hosts that can run an agent, the one first that should: one that is warm for it, else by
  /// rendezvous, each as likely as it has little to do. The same for all who know the same.
  static List<HostId> ranked(AgentName name, Collection<HostNotice> hosts) {
    return hosts.stream()
        .filter(each -> each.types.contains(name.type()))
        .sorted(
            Comparator.comparingInt(
                    (HostNotice each) -> each.warm.contains(name.hashCode()) ? 0 : 1)
                .thenComparingDouble(each -> each.distance(name))
                .thenComparing(HostNotice::host))
        .map(HostNotice::host)
        .toList();
  }

  /// Exponentially distributed, with a mean in proportion to the load.
  private double distance(AgentName name) {
    long mixed = mix(host.high() ^ mix(host.low() ^ mix(name.toString().hashCode())));
    double uniform = ((mixed >>> 11) + 0.5) * 0x1.0p-53;
    return -Math.log(uniform) * (1 + load);
  }

  private static long mix(long value) {
    long z = value + 0x9e3779b97f4a7c15L;
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }

  Payload value() {
    Bytes.Out out = new Bytes.Out();
    out.host(host);
    out.count(types.size());
    types.forEach(out::text);
    out.count(load);
    out.count(warm.size());
    warm.forEach(out::count);
    return out.payload();
  }

  /// @throws IllegalArgumentException if it is none
  static HostNotice of(Payload value) {
    Bytes.In in = new Bytes.In(value);
    HostId host = in.host();
    Set<String> types = new TreeSet<>();
    for (int left = in.count(); left > 0; left--) {
      types.add(in.text());
    }
    int load = in.integer();
    Set<Integer> warm = new TreeSet<>();
    for (int left = in.count(); left > 0; left--) {
      warm.add(in.integer());
    }
    return new HostNotice(host, types, load, warm);
  }
}
