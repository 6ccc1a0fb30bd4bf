package dev.trellis.functions.agent;

import dev.trellis.client.TrellisException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One candidate in an election: tries to get a [Lease] and to keep it. Who has it leads.
///
/// What leases promise, elections do, and no more: one leader at a time while the store hears
/// itself, and tokens by which a former one is known. It is no consensus.
public final class Election implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Election.class);

  private static final int TRIES_IN_TERM = 3;

  private final Leases leases;
  private final String name;
  private final String candidate;
  private final Duration term;
  private final Thread campaign;
  private volatile @Nullable Lease lease; // written by the campaign
  private volatile boolean closed;

  private Election(Leases leases, String name, String candidate, Duration term) {
    this.leases = leases;
    this.name = name;
    this.candidate = candidate;
    this.term = term;
    this.campaign = Thread.ofVirtual().name("trellis-election").unstarted(this::run);
  }

  /// Runs for a leader's place, until closed.
  ///
  /// @param candidate a name that no other candidate has
  /// @param term how long a leader is followed that does not renew; three times in that it does
  /// @throws IllegalArgumentException if a lease can't have that name, the candidate has none, or
  ///   the term is below 1 ms
  public static Election run(Leases leases, String name, String candidate, Duration term) {
    AgentName unused = new AgentName(Leases.TYPE, name);
    Leases.requireHolder(name, candidate, term);
    Election election = new Election(leases, name, candidate, term);
    election.campaign.start();
    return election;
  }

  private void run() {
    while (!closed) {
      try {
        lease = leases.acquire(name, candidate, term).orElse(null);
      } catch (NoReplyException | TrellisException e) {
        log.debug("candidate {} of {} got no answer", candidate, name, e);
      } catch (RuntimeException e) {
        // As where what is asked through was closed, or the answer can't be read.
        log.warn("candidate {} of {} can't run, and tries again", candidate, name, e);
      }
      if (!closed) {
        LockSupport.parkNanos(TimeUnit.NANOSECONDS.convert(term.dividedBy(TRIES_IN_TERM)));
      }
    }
  }

  /// Under which token this candidate leads; empty if it does not. As [Lease#left] says, that may
  /// be over by the time that it is used.
  public Optional<FencingToken> leadership() {
    Lease held = lease;
    return held == null || held.left().isNegative() ? Optional.empty() : Optional.of(held.token());
  }

  /// Who leads; empty for nobody.
  ///
  /// @throws NoReplyException if no host keeps leases, or none in time
  public Optional<Leases.Holding> leader() {
    return leases.holder(name);
  }

  /// Stands down, so that another candidate can lead at once. Doing so twice is harmless.
  public void resign() {
    closed = true;
    LockSupport.unpark(campaign);
    try {
      campaign.join();
      if (leadership().isPresent()) {
        leases.release(name, candidate);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (NoReplyException | TrellisException e) {
      log.debug("candidate {} of {} could not stand down", candidate, name, e);
    }
    lease = null;
  }

  /// As [#resign].
  @Override
  public void close() {
    resign();
  }
}
