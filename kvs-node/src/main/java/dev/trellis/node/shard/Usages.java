package dev.trellis.node.shard;

import dev.trellis.access.Caller;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/// What each principal uses of one shard.
final class Usages {
  private final Map<String, Usage> byPrincipal = new ConcurrentHashMap<>(); // others look at it
  private Allowances allowances;

  // Whose request was the last: mostly, it is his who asks again. Null before the first one.
  private @Nullable Caller last;
  private @Nullable Usage ofLast;

  Usages(Allowances allowances) {
    this.allowances = allowances;
  }

  Allowances allowances() {
    return allowances;
  }

  /// Shares what principals may use with the other shards of the node from now on.
  void share(Allowances ofNode) {
    allowances = ofNode;
    byPrincipal.clear();
    last = null;
  }

  /// What a caller uses; null for who is nobody's principal: everybody, where there is no security,
  /// and other replicas.
  @Nullable Usage of(Caller caller, long nowMillis) {
    if (caller != last) {
      ofLast = find(caller, nowMillis);
      last = caller;
    }
    return ofLast;
  }

  /// The same of one who asked some time ago, whose rights and limits may have changed since.
  @Nullable Usage known(Caller caller) {
    return caller == last ? ofLast : byPrincipal.get(caller.principal());
  }

  private @Nullable Usage find(Caller caller, long nowMillis) {
    if (caller == Caller.ANONYMOUS || caller == Caller.PEER) {
      return null;
    }
    Usage usage = byPrincipal.get(caller.principal());
    if (usage == null) {
      usage = new Usage(caller, allowances.of(caller, nowMillis));
      byPrincipal.put(caller.principal(), usage);
    } else if (usage.caller() != caller) {
      boolean differs = !usage.caller().equals(caller);
      usage.callerIs(caller);
      if (differs) {
        allowances.of(caller, nowMillis);
      }
    }
    return usage;
  }

  Collection<Usage> all() {
    return List.copyOf(byPrincipal.values());
  }
}
