package dev.trellis.functions;

import dev.trellis.causal.InvocationId;
import dev.trellis.client.CallOptions;
import dev.trellis.client.Calls;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.Handles;
import dev.trellis.client.MinHandle;
import dev.trellis.client.Place;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.client.session.Guarantee;
import dev.trellis.client.session.Session;
import dev.trellis.client.session.SessionToken;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Limits;
import dev.trellis.wire.ReadMode;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.UnaryOperator;

/// State and communication for functions: one per program, over its client. Works in whatever runs
/// the function: AWS Lambda, Knative, Spring Cloud Function, a plain `main`.
///
/// ```java
/// Functions functions = Functions.over(trellis);
/// …
/// try (Invocation invocation = functions.invocation(id, token)) {
///   invocation.counter("visits").add(1); // counts once, however often this runs
///   invocation.log("orders").append("apples");
///   token = invocation.commit();
/// }
/// ```
///
/// Safe for any thread. Holds nothing but the client, which stays open.
public final class Functions {
  private static final int ID_BYTES = 16;
  private static final String BIRTHS = "_trellis/invocation/";

  private final Trellis trellis;
  private final Calls calls;
  private final SecureRandom random;

  private Functions(Trellis trellis, Calls calls, SecureRandom random) {
    this.trellis = trellis;
    this.calls = calls;
    this.random = random;
  }

  /// What functions need, from a client.
  public static Functions over(Trellis trellis) {
    return over(trellis, trellis);
  }

  /// As [#over(Trellis)], with calls carried out by what stands in front of the client, as a near
  /// cache does.
  public static Functions over(Trellis trellis, Calls calls) {
    return new Functions(trellis, calls, new SecureRandom());
  }

  /// The same, with calls carried out by what is put in front of those who carry them out now.
  public Functions through(UnaryOperator<Calls> front) {
    return new Functions(trellis, front.apply(calls), random);
  }

  /// The client beneath.
  public Trellis trellis() {
    return trellis;
  }

  /// Who carries out calls: the client, or what stands in front of it.
  Calls calls() {
    return calls;
  }

  /// An id for an invocation that is born now. Whoever calls the function mints it, and repeats it
  /// should he call again.
  public InvocationId newId() {
    return InvocationId.mint(System.currentTimeMillis(), random);
  }

  /// The id of an invocation that has another name already, such as the id of a request or an
  /// event. Equal names and times give equal ids, everywhere.
  ///
  /// @param name that no other invocation of the same time has
  /// @param born when it was first called, the same for each time that it is run again: the time of
  ///   the event, not of this machine
  /// @throws IllegalArgumentException if `born` is before 1970 or after the year 6429
  public static InvocationId idOf(String name, Instant born) {
    long bornMillis = born.toEpochMilli();
    ByteBuffer digest = ByteBuffer.wrap(sha256(name), 0, ID_BYTES);
    return InvocationId.mint(bornMillis, digest::getLong);
  }

  /// The id of an invocation that has another name already, and whose birth nobody tells: the store
  /// keeps when it was first asked for. As [#idOf(String)], kept for one day.
  public InvocationId idOf(String name) {
    return idOf(name, Duration.ofDays(1));
  }

  /// The id of an invocation that has another name already, and whose birth nobody tells. The first
  /// run keeps the time under `_trellis/invocation/` and the name, and the others go by it. Costs a
  /// read, and the first run two writes and another read.
  ///
  /// Of runs that ask for the first time at the same moment, the earliest birth counts, for all
  /// that have not read another yet. So two may get different ids where one had asked, written and
  /// read before a second one wrote that had asked before it, and whose clock is behind; where
  /// somebody knows the birth, [#idOf(String, Instant)] has no such gap.
  ///
  /// @param name that no other invocation has
  /// @param kept for how long after the first run the invocation may be run again, 1 ms to ten
  ///   years; longer than `invocation.lifetime` of the nodes, so that who comes late is refused
  /// @throws TrellisException if it can't be read or written
  public InvocationId idOf(String name, Duration kept) {
    Handles handles = key -> Place.of(calls, key);
    MinHandle birth =
        handles.min(birthKey(name)).withOptions(CallOptions.DEFAULT.withReadMode(ReadMode.ALL));
    OptionalLong known = birth.get();
    if (known.isEmpty()) {
      birth.lower(System.currentTimeMillis());
      birth.expire(kept);
      known = birth.get();
    }
    return idOf(name, Instant.ofEpochMilli(known.orElseThrow()));
  }

  private static Payload birthKey(String name) {
    Payload key = Payload.ofText(BIRTHS + name);
    return key.size() <= Limits.KEY_BYTES_MAX
        ? key
        : Payload.ofText(BIRTHS + HexFormat.of().formatHex(sha256(name)));
  }

  private static byte[] sha256(String text) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this Java has no SHA-256", e);
    }
  }

  /// What a function works with while it is run for an invocation, with the guarantees of
  /// [Guarantee#SESSION].
  ///
  /// @param id the same for each time that the invocation is run
  public Invocation invocation(InvocationId id) {
    return invocation(id, Guarantee.SESSION);
  }

  /// What a function works with while it is run for an invocation.
  ///
  /// @param id the same for each time that the invocation is run
  public Invocation invocation(InvocationId id, Set<Guarantee> guarantees) {
    return new Invocation(this, id, Session.begin(trellis, calls, guarantees));
  }

  /// What a function works with while it is run for an invocation that goes on with a session.
  ///
  /// @param id the same for each time that the invocation is run
  /// @param token of the session, from whoever called
  /// @throws DefiniteException.BadRequest if it is no token
  /// @throws DefiniteException.Unauthenticated if its signature is not that of this client's key
  public Invocation invocation(InvocationId id, SessionToken token) {
    return new Invocation(this, id, Session.resume(trellis, calls, token));
  }

  /// Runs a function once for an invocation: what it began to write is waited for and committed.
  ///
  /// @param token of the session that it goes on with, from whoever called; empty for a new one
  /// @throws TrellisException of a write that failed; the invocation is to be run again
  /// @throws Exception of the function
  public Answer run(
      Function function, InvocationId id, Optional<SessionToken> token, Payload argument)
      throws Exception {
    try (Invocation invocation = token.isPresent() ? invocation(id, token.get()) : invocation(id)) {
      Payload result = function.handle(invocation, argument);
      return new Answer(result, invocation.commit());
    }
  }
}
