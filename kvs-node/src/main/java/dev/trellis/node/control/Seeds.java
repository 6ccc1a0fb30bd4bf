package dev.trellis.node.control;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;

/// Where nodes may be that this one does not see: the configured seeds, and those that it saw once.
/// Each is tried again and again, less and less often, and a name is resolved anew each time, since
/// where its addresses come from they come and go. Touched by one thread.
final class Seeds {
  private static final int DOUBLINGS_MAX = 3;

  private record Attempt(int count, long nextNanos) {}

  private final List<String> configured;
  private final Resolver resolver;
  private final long intervalNanos;
  private final Map<String, Attempt> attempts = new HashMap<>();
  private final AtomicBoolean resolving = new AtomicBoolean();
  private volatile Set<String> found = Set.of(); // written by whoever resolves

  /// @param intervalNanos time to the second try; the longest is eight times that
  Seeds(List<String> configured, Resolver resolver, long intervalNanos) {
    this.configured = List.copyOf(configured);
    this.resolver = resolver;
    this.intervalNanos = intervalNanos;
    resolve();
  }

  List<String> configured() {
    return configured;
  }

  /// The addresses to try now.
  ///
  /// @param lost addresses of nodes that were members once
  /// @param seen addresses that need not be tried: those of members and of the node itself
  List<String> due(Set<String> lost, Set<String> seen, long nowNanos) {
    resolve();
    Set<String> wanted = new LinkedHashSet<>(found);
    wanted.addAll(lost);
    wanted.removeAll(seen);
    attempts.keySet().retainAll(wanted);
    List<String> due = new ArrayList<>();
    for (String address : wanted) {
      Attempt last = attempts.get(address);
      if (last == null || nowNanos - last.nextNanos() >= 0) {
        int count = last == null ? 0 : Math.min(last.count() + 1, DOUBLINGS_MAX);
        attempts.put(address, new Attempt(count, nowNanos + (intervalNanos << count)));
        due.add(address);
      }
    }
    return due;
  }

  private void resolve() {
    boolean literal = true;
    for (String seed : configured) {
      literal &= Resolver.isLiteral(host(seed));
    }
    if (literal) {
      found = addresses();
    } else if (resolving.compareAndSet(false, true)) {
      // A name server may take its time.
      Thread.ofVirtual()
          .start(
              () -> {
                try {
                  found = addresses();
                } finally {
                  resolving.set(false);
                }
              });
    }
  }

  private Set<String> addresses() {
    Set<String> addresses = new HashSet<>();
    for (String seed : configured) {
      String port = seed.substring(seed.lastIndexOf(':') + 1);
      for (InetAddress address : resolver.resolve(host(seed))) {
        String host = address.getHostAddress();
        addresses.add((address instanceof Inet6Address ? "[" + host + "]" : host) + ":" + port);
      }
    }
    return Set.copyOf(addresses);
  }

  private static String host(String seed) {
    String host = seed.substring(0, seed.lastIndexOf(':'));
    return host.startsWith("[") && host.endsWith("]") ? host.substring(1, host.length() - 1) : host;
  }
}
