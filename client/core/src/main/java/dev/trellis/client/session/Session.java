package dev.trellis.client.session;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.Call;
import dev.trellis.client.CallOptions;
import dev.trellis.client.Calls;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.Handles;
import dev.trellis.client.Place;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Read;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.SessionImage;
import java.security.SecureRandom;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/// A client with guarantees across calls: gives the same handles, and merges what the session wrote
/// and saw into what it reads. Nobody is waited for but the replica that answers, and that is any.
///
/// ```java
/// Session session = trellis.session(Guarantee.SESSION);
/// session.register("cart").putText("apples");
/// String token = session.token().text(); // travels with the invocation of the next function
/// …
/// Session there = otherTrellis.resume(SessionToken.ofText(token));
/// there.register("cart").getText(); // apples, or what came later
/// ```
///
/// With [Guarantee#READ_COMMITTED] writes wait for [#commit]; until then they show in what the
/// session reads, answer without a receipt, and tell that they changed nothing.
///
/// Safe for several threads; calls that are under way together count as concurrent. Holds up to 4
/// MiB of what it wrote and read. Has nothing to close.
public final class Session implements Handles, Calls {
  private static final int RESTAMPS_MAX = 3;

  private final Host host;
  private final Calls next;
  private final SessionState state; // guarded by itself

  // Guarded by `state`.
  private final Deque<CompletableFuture<Reply>> commits = new ArrayDeque<>(); // not begun yet
  private boolean committing; // whether one is under way, after which the others are

  private Session(Host host, Calls next, SessionState state) {
    this.host = host;
    this.next = next;
    this.state = state;
  }

  /// A new session.
  ///
  /// @param host as whom it writes
  /// @param next who carries out its calls: the client, or a cache in front of it
  public static Session begin(Host host, Calls next, Set<Guarantee> guarantees) {
    long id = new SecureRandom().nextLong();
    return new Session(host, next, new SessionState(id, host.clientId(), guarantees));
  }

  /// The session of a token, which goes on here.
  ///
  /// @param host as whom it writes
  /// @param next who carries out its calls: the client, or a cache in front of it
  /// @throws DefiniteException.BadRequest if it is no token
  /// @throws DefiniteException.Unauthenticated if it is not signed by a key of this client, or not
  ///   for its principal
  public static Session resume(Host host, Calls next, SessionToken token) {
    SessionImage image = token.image(host.tokenSeal());
    if (image.clock().isAfter(host.stampAfter(image.clock()))) {
      throw TrellisException.of(
          ErrorCode.BAD_REQUEST,
          "a session token of the time "
              + image.clock()
              + ", which is so far ahead of this machine's that no store gave it");
    }
    HybridTimestamp latest = image.floor().max(image.horizon());
    for (SessionImage.Remembered each : image.remembered()) {
      latest = latest.max(each.at());
    }
    if (latest.isAfter(image.clock())) {
      throw TrellisException.of(
          ErrorCode.BAD_REQUEST,
          "a session token of the time "
              + image.clock()
              + " that demands what was written by "
              + latest
              + ", which no session gave");
    }
    return new Session(host, next, SessionState.of(image, host.clientId()));
  }

  /// What it promises, with all that this includes.
  public Set<Guarantee> guarantees() {
    return state.guarantees;
  }

  /// How many writes wait for the commit.
  public int waiting() {
    synchronized (state) {
      return state.buffered.values().stream().mapToInt(List::size).sum();
    }
  }

  @Override
  public Place place(Payload key) {
    return Place.of(this, key);
  }

  @Override
  public CompletableFuture<Reply> execute(Payload key, Operation operation, CallOptions options) {
    return run(
        switch (operation) {
          case Read.Await await -> new AwaitTurn(state, key, await, options, this::stamp);
          case Read read -> new ReadTurn(state, key, read, options, this::stamp);
          case Mutation mutation -> new WriteTurn(state, key, mutation, options, this::stamp);
        });
  }

  /// A stamp later than all that the session has seen.
  private HybridTimestamp stamp() {
    return host.stampAfter(state.clock());
  }

  /// Sends what has waited, all with one timestamp, and begins anew: what was read may be read
  /// again and be another. Without anything that waits, just that. What is written while a commit
  /// is under way waits for the next one, which begins when that has ended.
  ///
  /// @return of the write with the fewest copies
  /// @throws TrellisException of the first write that was not carried out, or where there is one,
  ///   of the first of which that is not known. Both keep waiting, so this may be called again, or
  ///   [#abort]; what was carried out nevertheless then happens twice, unless it has a tag
  public Receipt commit() {
    return await(commitAsync());
  }

  /// As [#commit].
  public CompletableFuture<Receipt> commitAsync() {
    CompletableFuture<Reply> result = new CompletableFuture<>();
    boolean begins;
    synchronized (state) {
      commits.add(result);
      begins = !committing;
      committing = true;
    }
    if (begins) {
      carryOutCommits();
    }
    return result.thenApply(Reply::receipt);
  }

  /// Carries out one commit after the other, as two at a time would both send what waits.
  private void carryOutCommits() {
    while (true) {
      CompletableFuture<Reply> next;
      synchronized (state) {
        next = commits.poll();
        if (next == null) {
          committing = false;
          return;
        }
      }
      commit(next);
      if (!next.isDone()) {
        var unused = next.whenComplete((reply, failed) -> carryOutCommits());
        return;
      }
    }
  }

  private void commit(CompletableFuture<Reply> result) {
    try {
      Turn turn;
      synchronized (state) {
        turn =
            state.has(Guarantee.READ_ATOMIC)
                ? new AtomicCommitTurn(state, this::stamp)
                : new CommitTurn(state, this::stamp);
      }
      run(turn, result);
    } catch (RuntimeException | Error e) {
      result.completeExceptionally(e); // else the next commit would wait for ever
    }
  }

  /// Forgets what has waited for the commit, and begins anew.
  public void abort() {
    synchronized (state) {
      state.abort();
    }
  }

  /// The session as it is now, of at most [SessionToken#BYTES_MAX] bytes: calls under way are not
  /// in it.
  ///
  /// @throws DefiniteException.ValueTooLarge if writes that wait for the commit do not fit;
  ///   [#token(int)] takes another length
  public SessionToken token() {
    return token(SessionToken.BYTES_MAX);
  }

  /// As [#token()], of at most so many bytes.
  public SessionToken token(int bytesMax) {
    TokenSeal seal = host.tokenSeal();
    synchronized (state) {
      SessionImage image = state.image(bytesMax - SessionToken.overhead(seal));
      SessionToken token = SessionToken.of(image, seal);
      if (token.size() > bytesMax) {
        throw TrellisException.of(
            ErrorCode.VALUE_TOO_LARGE,
            "a token of the session takes "
                + token.size()
                + " bytes, the limit is "
                + bytesMax
                + ": "
                + image.waiting().size()
                + " writes wait for the commit, which nobody else has; commit first, or allow a"
                + " longer token");
      }
      return token;
    }
  }

  // ---- Turns ----

  private CompletableFuture<Reply> run(Turn turn) {
    CompletableFuture<Reply> result = new CompletableFuture<>();
    run(turn, result);
    return result;
  }

  private void run(Turn turn, CompletableFuture<Reply> result) {
    Step first;
    synchronized (state) {
      first = turn.begin();
    }
    go(turn, first, 0, result);
  }

  private void go(Turn turn, Step step, int restamps, CompletableFuture<Reply> result) {
    switch (step) {
      case Step.Answer answer -> result.complete(answer.reply());
      case Step.Refuse refusal ->
          result.completeExceptionally(TrellisException.of(refusal.code(), refusal.message()));
      case Step.Fail fail -> {
        if (fail.failure() instanceof DefiniteException.ClockSkew && restamps < RESTAMPS_MAX) {
          Step again;
          synchronized (state) {
            again = turn.begin();
          }
          go(turn, again, restamps + 1, result);
        } else {
          result.completeExceptionally(fail.failure());
        }
      }
      case Step.Ask ask -> ask(turn, ask, restamps, result);
    }
  }

  private void ask(Turn turn, Step.Ask ask, int restamps, CompletableFuture<Reply> result) {
    List<CompletableFuture<Answered>> calls = new ArrayList<>(ask.calls().size());
    for (Call call : ask.calls()) {
      CompletableFuture<Reply> called = next.execute(call.key(), call.operation(), call.options());
      if (call.operation() instanceof Read.Await) {
        var unused =
            result.whenComplete(
                (reply, failed) -> {
                  if (result.isCancelled()) {
                    called.cancel(false);
                  }
                });
      }
      calls.add(called.handle(Session::answered));
    }
    CompletableFuture<Void> all =
        CompletableFuture.allOf(calls.toArray(CompletableFuture<?>[]::new));
    var unused =
        all.handle(
            (done, failed) -> {
              try {
                List<Answered> answers = calls.stream().map(CompletableFuture::join).toList();
                Step following;
                synchronized (state) {
                  following = turn.told(answers);
                }
                go(turn, following, restamps, result);
              } catch (RuntimeException | Error e) {
                result.completeExceptionally(e);
              }
              return null;
            });
  }

  private static Answered answered(@Nullable Reply reply, @Nullable Throwable failure) {
    if (reply != null) {
      return Answered.of(reply);
    }
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    return Answered.of(
        cause instanceof TrellisException known
            ? known
            : TrellisException.of(ErrorCode.OUTCOME_UNKNOWN, "a call ended with " + cause));
  }

  private static <T> T await(CompletableFuture<T> future) {
    return Trellis.await(future);
  }
}
