package dev.trellis.routing.gateway;

import dev.trellis.access.AccessList.Authentication;
import dev.trellis.access.Caller;
import dev.trellis.client.TrellisException;
import dev.trellis.lattice.Payload;
import dev.trellis.process.Doorkeeper;
import dev.trellis.process.Protection;
import dev.trellis.process.http.BearerToken;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Guests with API keys. For each key in use there is a client of the cluster that shows the same
/// key to the nodes, which check what it may do: so the gateway itself can do nothing, and whoever
/// takes it over can do no more than those who use it.
///
/// Clients are made when they are first needed, and closed when they were not for a while, or when
/// there are too many; and whoever is served when his key is revoked, or is over, is told at once.
/// For any thread.
final class Principals implements Guests {
  private static final Logger LOG = LoggerFactory.getLogger(Principals.class);

  /// After which a client that nobody uses is closed.
  private static final Duration IDLE = Duration.ofMinutes(2);

  private static final Duration LOOK = Duration.ofSeconds(1);

  /// A client of the cluster.
  ///
  /// @param close ends it; may wait
  record Opened(Store store, Runnable close) {}

  private final Protection protection;
  private final Function<Payload, Opened> open;
  private final int most;
  private final InstantSource clock;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final ScheduledExecutorService ticker =
      Executors.newSingleThreadScheduledExecutor(Thread.ofVirtual().name("principals").factory());
  // By what is shown; least recently used first. Under the lock of this, as what is in it.
  private final Map<Payload, Principal> principals = new LinkedHashMap<>(16, 0.75f, true);

  /// One key in use.
  private final class Principal {
    final Doorkeeper.Proof proof;
    final CompletableFuture<Opened> opening;
    final Set<Lease> leases = new HashSet<>(); // under the lock of the outer
    long unusedSinceMillis;
    boolean isOver; // to be closed once nobody uses it

    Principal(Doorkeeper.Proof proof, CompletableFuture<Opened> opening) {
      this.proof = proof;
      this.opening = opening;
    }

    void close() {
      var _ = opening.thenAcceptAsync(opened -> opened.close().run(), threads);
    }
  }

  private final class Lease implements Seat {
    final Principal principal;
    final Store store;
    final Runnable ended;

    Lease(Principal principal, Store store, Runnable ended) {
      this.principal = principal;
      this.store = store;
      this.ended = ended;
    }

    @Override
    public Store store() {
      return store;
    }

    @Override
    public void leave() {
      left(this);
    }
  }

  /// @param open makes a client that shows these credentials; may wait, and throw a
  ///   [TrellisException]
  /// @param most keys in use at once
  Principals(Protection protection, Function<Payload, Opened> open, int most, InstantSource clock) {
    this.protection = protection;
    this.open = open;
    this.most = most;
    this.clock = clock;
    protection.doorkeeper().onChange(this::endUnknown);
    var _ =
        ticker.scheduleWithFixedDelay(
            this::look, LOOK.toMillis(), LOOK.toMillis(), TimeUnit.MILLISECONDS);
  }

  @Override
  public Guest admit(HttpHeaders headers, String what, SocketAddress from) {
    Optional<String> token = BearerToken.of(headers.getAll(HttpHeaderNames.AUTHORIZATION));
    if (token.isEmpty()) {
      throw unknown(
          what,
          from,
          "show an API key that the cluster knows, once: Authorization: Bearer trellis_…");
    }
    Payload credentials = Payload.ofText(token.get());
    Doorkeeper.Visit visit =
        protection.doorkeeper().visit(credentials, Optional.empty(), clock.millis());
    if (visit.authentication() instanceof Authentication.Unknown(String reason)) {
      if (visit.isEarly()) {
        throw new Refusal(
            Problem.notYet("who is known has not been heard from the cluster yet; ask again"));
      }
      throw unknown(what, from, reason);
    }
    Authentication.Known known = (Authentication.Known) visit.authentication();
    Doorkeeper.Proof proof = visit.proof().orElseThrow();
    return new Guest() {
      @Override
      public Optional<Caller> caller() {
        return Optional.of(known.caller());
      }

      @Override
      public CompletableFuture<Seat> seat(Runnable ended) {
        return Principals.this.seat(credentials, proof, ended);
      }
    };
  }

  private Refusal unknown(String what, SocketAddress from, String reason) {
    protection.audit().refused("", "http", what, address(from), reason);
    return new Refusal(ProblemType.UNAUTHENTICATED, reason);
  }

  private static String address(SocketAddress from) {
    return from instanceof InetSocketAddress inet
        ? inet.getAddress().getHostAddress() + ":" + inet.getPort()
        : from.toString();
  }

  private CompletableFuture<Seat> seat(
      Payload credentials, Doorkeeper.Proof proof, Runnable ended) {
    Principal principal;
    synchronized (this) {
      Principal known = principals.get(credentials);
      if (known == null) {
        if (principals.size() >= most && !makeRoom()) {
          return CompletableFuture.failedFuture(
              new Refusal(
                  Problem.overloaded(
                      "there are "
                          + most
                          + " API keys in use, which is all that gateway.principals.max allows")));
        }
        known =
            new Principal(
                proof, CompletableFuture.supplyAsync(() -> open.apply(credentials), threads));
        known.unusedSinceMillis = clock.millis();
        principals.put(credentials, known);
      }
      principal = known;
      if (principal.opening.isDone() && !principal.opening.isCompletedExceptionally()) {
        return CompletableFuture.completedFuture(
            lease(principal, principal.opening.join().store(), ended));
      }
    }
    return principal.opening.handle(
        (opened, failure) -> {
          if (failure != null) {
            forget(credentials, principal);
            throw new CompletionException(refusalOf(failure));
          }
          return lease(principal, opened.store(), ended);
        });
  }

  private static Throwable refusalOf(Throwable failure) {
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    return cause instanceof TrellisException
        ? new Refusal(Problem.of(ClientStore.failed(cause)))
        : cause;
  }

  /// Closes the one that was not used for the longest time.
  private boolean makeRoom() {
    for (Iterator<Principal> all = principals.values().iterator(); all.hasNext(); ) {
      Principal principal = all.next();
      if (principal.leases.isEmpty() && principal.opening.isDone()) {
        all.remove();
        principal.close();
        return true;
      }
    }
    return false;
  }

  private synchronized Seat lease(Principal principal, Store store, Runnable ended) {
    Lease lease = new Lease(principal, store, ended);
    principal.leases.add(lease);
    if (principal.isOver) {
      threads.execute(ended); // it ended while it was being opened
    }
    return lease;
  }

  private synchronized void left(Lease lease) {
    Principal principal = lease.principal;
    if (principal.leases.remove(lease) && principal.leases.isEmpty()) {
      principal.unusedSinceMillis = clock.millis();
      if (principal.isOver) {
        principal.close();
      }
    }
  }

  private synchronized void forget(Payload credentials, Principal principal) {
    principals.remove(credentials, principal);
  }

  /// Ends those whose keys are not known any more.
  private void endUnknown() {
    List<Lease> told = new ArrayList<>();
    long now = clock.millis();
    synchronized (this) {
      for (Iterator<Principal> all = principals.values().iterator(); all.hasNext(); ) {
        Principal principal = all.next();
        if (protection.doorkeeper().authenticate(principal.proof, now)
            instanceof Authentication.Unknown) {
          all.remove();
          principal.isOver = true;
          told.addAll(principal.leases);
          if (principal.leases.isEmpty()) {
            principal.close();
          }
        }
      }
    }
    told.forEach(lease -> lease.ended.run());
  }

  private synchronized void closeUnused() {
    long now = clock.millis();
    principals
        .values()
        .removeIf(
            principal -> {
              boolean isUnused =
                  principal.leases.isEmpty()
                      && principal.opening.isDone()
                      && now - principal.unusedSinceMillis > IDLE.toMillis();
              if (isUnused) {
                principal.close();
              }
              return isUnused;
            });
  }

  private void look() {
    try {
      endUnknown();
      closeUnused();
    } catch (RuntimeException defect) {
      LOG.error("keys in use cannot be looked at", defect);
    }
  }

  /// How many keys are in use, for tests.
  synchronized int size() {
    return principals.size();
  }

  @Override
  public void close() {
    ticker.shutdownNow();
    List<Principal> all;
    synchronized (this) {
      all = List.copyOf(principals.values());
      principals.clear();
    }
    all.forEach(Principal::close);
    threads.close(); // waits until they are closed
  }
}
