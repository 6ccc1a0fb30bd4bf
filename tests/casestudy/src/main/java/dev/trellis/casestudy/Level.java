package dev.trellis.casestudy;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.Handles;
import dev.trellis.client.Trellis;
import dev.trellis.client.session.Guarantee;
import dev.trellis.client.session.Session;
import dev.trellis.client.session.SessionToken;
import dev.trellis.lattice.Payload;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/// What transactions are promised, from nothing upwards.
enum Level {
  /// Each call by itself, to whichever replica: nothing is promised.
  EVENTUAL(false) {
    @Override
    Host host(Trellis client) {
      return token -> new Eventual(client);
    }
  },
  /// What a session has written and read is in what it reads.
  SESSION(false) {
    @Override
    Host host(Trellis client) {
      return token -> open(client, token, Guarantee.SESSION);
    }
  },
  /// As that, and of others all or nothing.
  READ_ATOMIC(true) {
    @Override
    Host host(Trellis client) {
      return token -> open(client, token, ATOMIC);
    }
  };

  private static final Set<Guarantee> ATOMIC =
      Set.of(Guarantee.READ_ATOMIC, Guarantee.READ_YOUR_WRITES, Guarantee.MONOTONIC_READS);

  /// What one function hands to the next, at most: more than goes into a header, so that what it
  /// would have to be is seen.
  private static final int TOKEN_BYTES_MAX = 64 << 10;

  private final boolean atomic;

  /// @param atomic whether transactions read what they wrote, and of others all or nothing
  Level(boolean atomic) {
    this.atomic = atomic;
  }

  /// A machine whose functions get at the store in this way.
  abstract Host host(Trellis client);

  /// Whether there must be no anomaly. Where there need not be none, there must be some: else the
  /// load shows nothing.
  boolean isAtomic() {
    return atomic;
  }

  /// As it is printed.
  String word() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  private static Access open(Trellis client, Payload token, Set<Guarantee> guarantees) {
    Stamps stamps = new Stamps(client);
    Session session =
        token.isEmpty()
            ? Session.begin(stamps, client, guarantees)
            : Session.resume(stamps, client, SessionToken.ofBytes(token.toBytes()));
    return new InSession(session, stamps);
  }

  private record InSession(Session session, Stamps stamps) implements Access {
    @Override
    public Handles handles() {
      return session;
    }

    @Override
    public Payload token() {
      return Payload.of(session.token(TOKEN_BYTES_MAX).bytes());
    }

    @Override
    public Optional<HybridTimestamp> commit() {
      session.commit();
      boolean together = session.guarantees().contains(Guarantee.READ_COMMITTED);
      return together ? Optional.of(stamps.last) : Optional.empty();
    }
  }

  /// A client of which is known what stamp it gave last: a session asks for one as it commits.
  private static final class Stamps implements dev.trellis.client.session.Host {
    private final Trellis client;
    private HybridTimestamp last = HybridTimestamp.ZERO;

    Stamps(Trellis client) {
      this.client = client;
    }

    @Override
    public long clientId() {
      return client.clientId();
    }

    @Override
    public HybridTimestamp stampAfter(HybridTimestamp seen) {
      last = client.stampAfter(seen);
      return last;
    }

    @Override
    public Payload sessionKey() {
      return client.sessionKey();
    }
  }

  private record Eventual(Handles handles) implements Access {
    @Override
    public Payload token() {
      return Payload.EMPTY;
    }

    @Override
    public Optional<HybridTimestamp> commit() {
      return Optional.empty(); // each write was there for all to see at once
    }
  }
}
