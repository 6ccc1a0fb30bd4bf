package dev.trellis.faults;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.Trellis;
import dev.trellis.client.session.Guarantee;
import dev.trellis.client.session.Host;
import dev.trellis.client.session.Session;
import dev.trellis.client.session.SessionToken;
import dev.trellis.client.session.TokenSeal;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.random.RandomGenerator;

/// A session that goes on at one client after another, by its token, now and then. For one thread.
///
/// Its tokens are long enough for all that it wrote and read: so it keeps what it promises also
/// where only a node that is lost had something that it has seen.
final class TravellingSession {
  private static final int TOKEN_BYTES_MAX = 256 << 10;

  /// The clients that sessions of a workload may go on at: those that its threads have used.
  static final class Machines {
    private final List<Trellis> clients = new CopyOnWriteArrayList<>();

    private Trellis pick(Trellis own, RandomGenerator random) {
      if (!clients.contains(own)) {
        clients.add(own);
      }
      return clients.get(random.nextInt(clients.size()));
    }
  }

  /// As whom the session writes: a client, of which is known what stamp it gave last.
  private static final class Writer implements Host {
    private final Trellis client;
    private HybridTimestamp last = HybridTimestamp.ZERO;
    private long count;

    Writer(Trellis client) {
      this.client = client;
    }

    @Override
    public long clientId() {
      return client.clientId();
    }

    @Override
    public HybridTimestamp stampAfter(HybridTimestamp seen) {
      count++;
      last = client.stampAfter(seen);
      return last;
    }

    @Override
    public TokenSeal tokenSeal() {
      return client.tokenSeal();
    }
  }

  private final Set<Guarantee> guarantees;
  private final Machines machines;
  private final RandomGenerator random;
  private Session session; // null until it is first used
  private Writer writer;

  @SuppressWarnings("NullAway.Init") // #on sets both
  TravellingSession(Set<Guarantee> guarantees, Machines machines, RandomGenerator random) {
    this.guarantees = guarantees;
    this.machines = machines;
    this.random = random;
  }

  /// The session, perhaps at another client than before.
  ///
  /// @param own the client that the thread uses
  Session on(Trellis own) {
    if (session == null) {
      writer = new Writer(machines.pick(own, random));
      session = Session.begin(writer, writer.client, guarantees);
    } else if (random.nextInt(3) == 0) {
      SessionToken token = session.token(TOKEN_BYTES_MAX);
      writer = new Writer(machines.pick(own, random));
      session = Session.resume(writer, writer.client, SessionToken.ofText(token.text()));
    }
    return session;
  }

  /// The version, as checkers compare them, of what was written last.
  List<Long> lastVersion() {
    return version(writer.last, writer.clientId());
  }

  /// How many stamps the session has asked its present client for.
  long stamps() {
    return writer.count;
  }

  static List<Long> version(HybridTimestamp stamp, long writer) {
    return List.of(stamp.packed(), writer);
  }
}
