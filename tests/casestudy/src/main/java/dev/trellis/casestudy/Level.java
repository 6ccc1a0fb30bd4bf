package dev.trellis.casestudy;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.Handles;
import dev.trellis.client.Trellis;
import dev.trellis.client.session.Guarantee;
import dev.trellis.client.session.Session;
import dev.trellis.client.session.SessionToken;
import dev.trellis.client.session.TokenSeal;
import dev.trellis.lattice.Payload;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/// What transactions are promised: nothing, one guarantee, or several.
enum Level {
  /// Each call by itself, to whichever replica: nothing is promised.
  EVENTUAL(Set.of(), Anomaly.EXPECTED, Anomaly.EXPECTED),
  READ_YOUR_WRITES(Set.of(Guarantee.READ_YOUR_WRITES), Anomaly.FORBIDDEN, Anomaly.EXPECTED),
  MONOTONIC_READS(Set.of(Guarantee.MONOTONIC_READS), Anomaly.EXPECTED, Anomaly.EXPECTED),
  MONOTONIC_WRITES(Set.of(Guarantee.MONOTONIC_WRITES), Anomaly.EXPECTED, Anomaly.EXPECTED),
  WRITES_FOLLOW_READS(Set.of(Guarantee.WRITES_FOLLOW_READS), Anomaly.EXPECTED, Anomaly.EXPECTED),
  PRAM(Guarantee.PRAM, Anomaly.FORBIDDEN, Anomaly.EXPECTED),
  /// What a session has written and read is in what it reads.
  SESSION(Guarantee.SESSION, Anomaly.FORBIDDEN, Anomaly.EXPECTED),
  ITEM_CUT(Set.of(Guarantee.ITEM_CUT), Anomaly.EXPECTED, Anomaly.EXPECTED),
  /// What waits for the commit shows in what is read.
  READ_COMMITTED(Set.of(Guarantee.READ_COMMITTED), Anomaly.POSSIBLE, Anomaly.EXPECTED),
  /// As a session that sees what it wrote, and of others all or nothing.
  READ_ATOMIC(
      Set.of(Guarantee.READ_ATOMIC, Guarantee.READ_YOUR_WRITES, Guarantee.MONOTONIC_READS),
      Anomaly.FORBIDDEN,
      Anomaly.FORBIDDEN),
  /// On values that name what they depend on. They have no one order by which to count.
  CAUSAL(Set.of(Guarantee.CAUSAL), Anomaly.UNCOUNTED, Anomaly.UNCOUNTED) {
    @Override
    Values stored() {
      return Values.CAUSAL;
    }
  };

  /// What is to be said of how often something was seen.
  enum Anomaly {
    /// Never, or the level does not keep its promise.
    FORBIDDEN,
    /// At least once: else the load shows nothing.
    EXPECTED,
    /// Either.
    POSSIBLE,
    /// It can't be told.
    UNCOUNTED
  }

  /// Those that show what sessions are for.
  static final List<Level> USUAL = List.of(EVENTUAL, SESSION, READ_ATOMIC);

  /// What one function hands to the next, at most: more than goes into a header, so that what it
  /// would have to be is seen.
  private static final int TOKEN_BYTES_MAX = 64 << 10;

  @SuppressWarnings("ImmutableEnumChecker") // it is a copy
  private final Set<Guarantee> guarantees;

  private final Anomaly ownReads;
  private final Anomaly fracturedReads;

  /// @param ownReads reads of something older than the transaction itself wrote
  /// @param fracturedReads reads of a part of what another one wrote
  Level(Set<Guarantee> guarantees, Anomaly ownReads, Anomaly fracturedReads) {
    this.guarantees = Set.copyOf(guarantees);
    this.ownReads = ownReads;
    this.fracturedReads = fracturedReads;
  }

  /// A machine whose functions get at the store in this way.
  Host host(Trellis client) {
    return guarantees.isEmpty()
        ? token -> new Eventual(client)
        : token -> open(client, token, guarantees);
  }

  /// What transactions write and read.
  Values stored() {
    return Values.REGISTERS;
  }

  Anomaly ownReads() {
    return ownReads;
  }

  Anomaly fracturedReads() {
    return fracturedReads;
  }

  /// The level of a name that people type.
  ///
  /// @throws IllegalArgumentException for an unknown word; the message lists the known ones
  static Level ofWord(String word) {
    return Arrays.stream(values())
        .filter(level -> level.word().equals(word))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "unknown level '"
                        + word
                        + "'; known are "
                        + Arrays.stream(values()).map(Level::word).collect(Collectors.joining(", "))
                        + ", and all"));
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
    public TokenSeal tokenSeal() {
      return client.tokenSeal();
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
