package dev.trellis.routing.gateway;

import dev.trellis.client.Call;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.TrellisException;
import dev.trellis.client.session.Guarantee;
import dev.trellis.client.session.Session;
import dev.trellis.client.session.SessionToken;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Receipt;
import io.netty.handler.codec.http.HttpHeaders;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/// A session, for as long as one request of it: the request brings it as a token, or begins it, and
/// the answer has the token with which the caller goes on. So the gateway keeps nothing, and the
/// next request may come to another one.
final class SessionStore implements CallExecutor {
  static final String HEADER = SessionToken.HEADER;
  static final String COARSE = HEADER + "-Coarse";

  private static final String BEGIN = "begin=";

  private final Session session;
  private final Holding holding; // of the request
  private final Optional<String> sent; // the token that came; empty if the session begins here
  private volatile boolean hasWritten; // something that can't be taken back

  private SessionStore(Session session, Holding holding, Optional<String> sent) {
    this.session = session;
    this.holding = holding;
    this.sent = sent;
  }

  /// The session that a request is part of, if it is.
  ///
  /// @throws Refusal if its header is no token and begins no session, or means nothing for the
  ///   route
  static Optional<SessionStore> of(Exchange exchange, Store store) {
    List<String> given = exchange.headers().getAll(HEADER);
    Route route = exchange.match().route();
    if (given.isEmpty()) {
      if (route.endsTransaction()) {
        throw Refusal.badRequest(
            "'"
                + HEADER
                + "' is missing: it has what waits, and is the one of the last answer of the session");
      }
      return Optional.empty();
    }
    requireTaken(route);
    if (given.size() > 1) {
      throw Refusal.badRequest(
          "'" + HEADER + "' is given " + given.size() + " times; give it once");
    }
    String text = given.get(0).strip();
    if (!text.startsWith(BEGIN)) {
      return Optional.of(
          new SessionStore(resume(store, text), exchange.holding(), Optional.of(text)));
    }
    if (route.endsTransaction()) {
      throw Refusal.badRequest(
          "'"
              + HEADER
              + "' begins a session, in which nothing can wait yet; send the one of the last answer");
    }
    Session begun = store.begin(guarantees(text.substring(BEGIN.length())));
    return Optional.of(new SessionStore(begun, exchange.holding(), Optional.empty()));
  }

  /// Refuses a session where it means nothing.
  static void requireTaken(Route route) {
    if (!route.takesSession()) {
      throw Refusal.badRequest(
          "'"
              + HEADER
              + "' means nothing here, so nothing of the session would hold; leave it out. Parts of a"
              + " session are GET, PUT and DELETE of a key, waits for a key, the operations on a key,"
              + " /v1/commit and /v1/abort");
    }
  }

  private static Set<Guarantee> guarantees(String words) {
    try {
      return Guarantee.ofWords(words);
    } catch (IllegalArgumentException e) {
      throw Refusal.badRequest("'" + HEADER + ": " + BEGIN + words + "': " + e.getMessage());
    }
  }

  /// Whatever is wrong with a token is wrong with the request: who is calling is not in question.
  private static Session resume(Store store, String text) {
    try {
      return store.resume(SessionToken.ofText(text));
    } catch (TrellisException refused) {
      throw Refusal.badRequest(
          "'"
              + HEADER
              + "': "
              + refused.getMessage()
              + ". Send the header of the session's last answer unchanged, or "
              + BEGIN
              + "session for a new one");
    }
  }

  @Override
  public CompletableFuture<StoreResult> execute(Call call) {
    if (call.operation() instanceof Mutation && !isBuffering()) {
      hasWritten = true;
    }
    return MeteredStore.metered(
        holding,
        call,
        ClientStore.asResult(session.execute(call.key(), call.operation(), call.options())));
  }

  /// Whether writes wait for the commit.
  boolean isBuffering() {
    return session.guarantees().contains(Guarantee.READ_COMMITTED);
  }

  /// How many writes wait for the commit.
  int waiting() {
    return session.waiting();
  }

  /// Sends what waits.
  ///
  /// @return the receipt of the write with the fewest copies; fails with a [TrellisException]
  CompletableFuture<Receipt> commit() {
    hasWritten = true;
    return session.commitAsync();
  }

  /// Forgets what waits.
  void abort() {
    session.abort();
  }

  /// The answer with the token by which the caller goes on. Where what the request added does not
  /// fit into one, and nothing was written, the request is undone by giving back the token that it
  /// came with.
  Answer.Whole withToken(Answer.Whole answer) {
    SessionToken token;
    try {
      token = session.token();
    } catch (DefiniteException.ValueTooLarge full) {
      if (!hasWritten) {
        Answer.Whole refused =
            Answer.Whole.of(
                Problem.of(
                    ProblemType.VALUE_TOO_LARGE,
                    "the session is as it was before this request: " + full.getMessage()));
        sent.ifPresent(before -> refused.headers().set(HEADER, before));
        return refused;
      }
      token = longerToken();
    }
    HttpHeaders headers = answer.headers();
    headers.set(HEADER, token.text());
    if (token.isCoarse()) {
      headers.set(COARSE, "true");
    }
    return answer;
  }

  /// What was written was written: better a long token than a session that has forgotten it.
  private SessionToken longerToken() {
    int bytes = SessionToken.BYTES_MAX;
    while (true) {
      bytes *= 2;
      try {
        return session.token(bytes);
      } catch (DefiniteException.ValueTooLarge full) {
        if (bytes > 1 << 24) {
          throw new IllegalStateException("a session that came in a header outgrows any", full);
        }
      }
    }
  }
}
