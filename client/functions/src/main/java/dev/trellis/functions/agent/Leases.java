package dev.trellis.functions.agent;

import dev.trellis.client.TrellisException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/// Leases: the right to do something, for a time, for one holder at a time. Each is kept by an
/// agent of the type [#TYPE], so some hosts must serve that: [#serve].
///
/// What is promised: as long as the nodes of the store hear each other, a lease is granted to
/// nobody else before it has run out by the clock of the host that keeps it, and tokens rise from
/// grant to grant. What is not: there is no consensus beneath. A holder that stands still does not
/// notice that its lease has run out, clocks may run at different rates, and where the store is
/// torn in two each side may have a holder. Whoever is harmed by two must ask for the token and
/// refuse a lesser one than it has seen.
public final class Leases {
  /// The type of the agents that keep leases.
  public static final String TYPE = "trellis-lease";

  private final Agents agents;
  private final Duration patience;
  private final SecureRandom random = new SecureRandom();

  private Leases(Agents agents, Duration patience) {
    this.agents = agents;
    this.patience = patience;
  }

  /// Leases that are asked for through `agents`.
  ///
  /// @param patience how long to wait for the agent that keeps a lease; some lease times of its
  ///   hosts, so that another host can go on
  public static Leases over(Agents agents, Duration patience) {
    return new Leases(agents, patience);
  }

  /// Has a host keep leases.
  public static AgentHost.Builder serve(AgentHost.Builder host) {
    return host.serving(TYPE, name -> new LeaseAgent(System::currentTimeMillis));
  }

  /// Who has a lease, as told.
  ///
  /// @param holder by the name it gave
  public record Holding(String holder, FencingToken token) {}

  /// A name for a holder that nobody else has.
  public String newHolder() {
    byte[] bytes = new byte[16];
    random.nextBytes(bytes);
    return HexFormat.of().formatHex(bytes);
  }

  /// Takes a lease, or renews it if the holder has it.
  ///
  /// @param holder who asks; two that ask under one name count as one
  /// @param time for which it is granted, counted by this machine from before it is asked for
  /// @return the lease; empty if somebody else has it
  /// @throws IllegalArgumentException if the holder has no name, the time is below 1 ms, or the
  ///   lease's name can't be one of an agent
  /// @throws NoReplyException if no host keeps leases, or none in time. The lease may have been
  ///   granted; asking again under the same name is harmless
  /// @throws TrellisException if the store can't be reached
  public Optional<Lease> acquire(String name, String holder, Duration time) {
    requireHolder(name, holder, time);
    long askedNanos = System.nanoTime();
    LeaseAgent.Held held = ask(name, LeaseAgent.Verb.ACQUIRE, holder, time);
    return held.holder().equals(holder)
        ? Optional.of(new Lease(this, name, holder, held.token(), time, askedNanos))
        : Optional.empty();
  }

  static void requireHolder(String name, String holder, Duration time) {
    if (holder.isEmpty()) {
      throw new IllegalArgumentException("lease " + name + ": a holder needs a name, and has ''");
    }
    if (TimeUnit.MILLISECONDS.convert(time) < 1) {
      throw new IllegalArgumentException(
          "lease " + name + " for " + holder + ": the time " + time + " is below 1 ms");
    }
  }

  /// Who has a lease; empty for nobody. By the time that this returns somebody else may.
  ///
  /// @throws NoReplyException if no host keeps leases, or none in time
  public Optional<Holding> holder(String name) {
    LeaseAgent.Held held = ask(name, LeaseAgent.Verb.LOOK, "", Duration.ZERO);
    return held.holder().isEmpty()
        ? Optional.empty()
        : Optional.of(new Holding(held.holder(), held.token()));
  }

  void release(String name, String holder) {
    var unused = ask(name, LeaseAgent.Verb.RELEASE, holder, Duration.ZERO);
  }

  private LeaseAgent.Held ask(String name, LeaseAgent.Verb verb, String holder, Duration time) {
    return LeaseAgent.Held.of(
        agents.ask(
            new AgentName(TYPE, name),
            new LeaseAgent.Request(verb, holder, TimeUnit.MILLISECONDS.convert(time)).encode(),
            patience));
  }
}
