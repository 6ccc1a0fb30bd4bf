package dev.trellis.functions;

import dev.trellis.causal.InvocationId;
import dev.trellis.client.Calls;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.Trellis;
import dev.trellis.client.session.Guarantee;
import dev.trellis.client.session.Session;
import dev.trellis.client.session.SessionToken;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.Set;

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

  private final Trellis trellis;
  private final Calls calls;
  private final SecureRandom random = new SecureRandom();

  private Functions(Trellis trellis, Calls calls) {
    this.trellis = trellis;
    this.calls = calls;
  }

  /// What functions need, from a client.
  public static Functions over(Trellis trellis) {
    return new Functions(trellis, trellis);
  }

  /// As [#over(Trellis)], with calls carried out by what stands in front of the client, as a near
  /// cache does.
  public static Functions over(Trellis trellis, Calls calls) {
    return new Functions(trellis, calls);
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
}
