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
/// @param warm hashes of names of agents that were active on it lately, or that its user prefers
/// @param cached the keys that its cache has
record HostNotice(HostId host, Set<String> types, int load, Set<Integer> warm, KeyFilter cached) {
  /// Beyond that it does not tell.
  static final int WARM_MAX = 256;

  /// So many agents more than twice the mean, and what a host has in its cache speaks for it no
  /// more: else all agents that share a key would end on one host.
  private static final int LOAD_SLACK = 16;

  HostNotice {
    types = new TreeSet<>(types);
    warm = new TreeSet<>(warm);
  }

  /// A host that can run an agent, and how many of the agent's keys count as its own.
  private record Candidate(HostNotice notice, int held) {}

  /// The hosts that can run an agent, the one first that should: the one whose cache has most of
  /// its keys, if that is half of them or more; else one that is warm for it, else by rendezvous,
  /// each as likely as it has little to do. The same for all who know the same.
  ///
  /// @param keys that the agent mostly reads; none if nobody knows
  static List<HostId> ranked(
      AgentName name, Collection<Payload> keys, Collection<HostNotice> hosts) {
    long[] hashes = keys.stream().mapToLong(KeyFilter::hash).toArray();
    List<HostNotice> able =
        hosts.stream().filter(each -> each.types.contains(name.type())).toList();
    double mean = able.stream().mapToInt(HostNotice::load).average().orElse(0);
    return able.stream()
        .map(each -> new Candidate(each, each.held(hashes, mean)))
        .sorted(
            Comparator.comparingInt((Candidate each) -> -each.held)
                .thenComparing(each -> !each.notice.warm.contains(name.hashCode()))
                .thenComparingDouble(each -> each.notice.distance(name))
                .thenComparing(each -> each.notice.host))
        .map(each -> each.notice.host)
        .toList();
  }

  private int held(long[] hashes, double meanLoad) {
    if (hashes.length == 0 || load > 2 * meanLoad + LOAD_SLACK) {
      return 0;
    }
    int held = cached.held(hashes);
    return 2 * held >= hashes.length ? held : 0;
  }

  /// Exponentially distributed, with a mean in proportion to the load.
  private double distance(AgentName name) {
    long mixed = mix(host.high() ^ mix(host.low() ^ mix(name.toString().hashCode())));
    double uniform = ((mixed >>> 11) + 0.5) * 0x1.0p-53;
    return -Math.log(uniform) * (1 + load);
  }

  static long mix(long value) {
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
    out.payload(cached.bits());
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
    return new HostNotice(host, types, load, warm, new KeyFilter(in.payload()));
  }
}
