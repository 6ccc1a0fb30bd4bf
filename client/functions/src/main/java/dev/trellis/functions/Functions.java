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
import dev.trellis.client.session.Host;
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
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
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
  /// What an invocation promises unless it is asked for something else: session causality, and that
  /// what it writes is sent when it commits. So of a run that fails on the way nothing is seen.
  public static final Set<Guarantee> GUARANTEES =
      Set.of(
          Guarantee.READ_YOUR_WRITES,
          Guarantee.MONOTONIC_READS,
          Guarantee.MONOTONIC_WRITES,
          Guarantee.WRITES_FOLLOW_READS,
          Guarantee.READ_COMMITTED);

  private static final int ID_BYTES = 16;
  private static final String BIRTHS = "_trellis/invocation/";

  /// What goes on with a result is called when that is there; a replica may not have it yet.
  private static final Duration RESULT_PATIENCE = Duration.ofSeconds(10);

  private final Host host;
  private final Calls calls;
  private final SecureRandom random;

  Functions(Host host, Calls calls) {
    this(host, calls, new SecureRandom());
  }

  private Functions(Host host, Calls calls, SecureRandom random) {
    this.host = host;
    this.calls = calls;
    this.random = random;
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

  /// The same, with calls carried out by what is put in front of those who carry them out now.
  public Functions through(UnaryOperator<Calls> front) {
    return new Functions(host, front.apply(calls), random);
  }

  /// The client beneath.
  public Trellis trellis() {
    if (host instanceof Trellis trellis) {
      return trellis;
    }
    throw new IllegalStateException("there is no client beneath, but a model of one");
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
  /// read, and the first run a write and another read.
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
      // In one mutation, so that no run that ends in between leaves a key for ever.
      birth.withTtl(kept).lower(System.currentTimeMillis());
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

  /// What a function works with while it is run for an invocation, with [#GUARANTEES].
  ///
  /// @param id the same for each time that the invocation is run
  public Invocation invocation(InvocationId id) {
    return invocation(id, GUARANTEES);
  }

  /// What a function works with while it is run for an invocation.
  ///
  /// @param id the same for each time that the invocation is run
  /// @param guarantees where [Guarantee#READ_COMMITTED] is not among them, each write is sent at
  ///   once. Then a run that is given up, but goes on, may put a value of its own over a later one
  ///   that the next run has put in its place
  public Invocation invocation(InvocationId id, Set<Guarantee> guarantees) {
    return new Invocation(this, id, Session.begin(host, calls, guarantees));
  }

  /// What a function works with while it is run for an invocation that goes on with a session.
  ///
  /// @param id the same for each time that the invocation is run
  /// @param token of the session, from whoever called, and so are its guarantees
  /// @throws DefiniteException.BadRequest if it is no token
  /// @throws DefiniteException.Unauthenticated if its signature is not that of this client's key
  public Invocation invocation(InvocationId id, SessionToken token) {
    return new Invocation(this, id, Session.resume(host, calls, token));
  }

  // ---- Running ----

  /// Runs a function once for an invocation, and commits what it writes. The result goes to whoever
  /// called and is kept nowhere.
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

  /// Runs a function for a call, as whoever hosts it does: opens the invocation, hands over the
  /// argument, commits, and keeps what came of it as the result, for whoever waits for it.
  ///
  /// @param next who runs what goes on with the result
  /// @return what is kept as the result
  /// @throws FunctionFailedException if the argument is the result of another function, which has
  ///   failed; it is kept as failed then
  /// @throws Exception that the function threw, or of the store; nothing is kept then, and the call
  ///   is to be made again, or given up with [StoredFuture#failAsync]
  public Result run(FunctionCall call, Function function, Invoker next) throws Exception {
    StoredFuture future = future(call.id());
    Payload argument;
    try {
      argument = argument(call);
    } catch (FunctionFailedException e) {
      return Trellis.await(future.failAsync(String.valueOf(e.getMessage()), next));
    }
    try (Invocation invocation =
        call.token().isPresent()
            ? invocation(call.id(), call.token().get())
            : invocation(call.id())) {
      Payload value = function.handle(invocation, argument);
      SessionToken token = invocation.commit();
      return Trellis.await(future.completeAsync(value, Optional.of(token), next));
    }
  }

  private Payload argument(FunctionCall call) {
    return switch (call.argument()) {
      case FunctionCall.Given given -> given.value();
      case FunctionCall.ResultOf of -> future(of.id()).get(RESULT_PATIENCE);
    };
  }

  // ---- Futures and joins ----

  /// The result of an invocation, whether it is there or not.
  public StoredFuture future(InvocationId id) {
    return new StoredFuture(calls, id);
  }

  /// Has a function run for each argument. Their ids follow from that of `parent`, the function,
  /// how often `parent` has scattered it before, and the place in the list: a function that is run
  /// again and scatters again, in the same order, waits for the same runs.
  ///
  /// @param parent whoever scatters
  /// @return the results, in the order of the arguments
  public List<StoredFuture> scatter(
      Invocation parent, String function, List<Payload> arguments, Invoker invoker) {
    SessionToken token = parent.commit();
    String name = scatterName(parent.id(), function, parent.numberOfScatter(function));
    List<StoredFuture> results = new ArrayList<>(arguments.size());
    List<CompletableFuture<?>> begun = new ArrayList<>(arguments.size());
    for (int at = 0; at < arguments.size(); at++) {
      InvocationId id = idOf(name + "/" + at, Instant.ofEpochMilli(parent.id().bornMillis()));
      begun.add(
          invoker.invoke(
              new FunctionCall(
                  function, id, new FunctionCall.Given(arguments.get(at)), Optional.of(token))));
      results.add(future(id));
    }
    var unused = Trellis.await(CompletableFuture.allOf(begun.toArray(CompletableFuture<?>[]::new)));
    return results;
  }

  /// @param number 1 for the first scatter of this function, whose name is without it: so were all
  ///   before they were counted, and some of those may be run again
  private static String scatterName(InvocationId parent, String function, int number) {
    return (number == 1 ? "scatter/" : "scatter-" + number + "/") + parent + "/" + function;
  }

  /// Waits for all of several results: gathers what was scattered.
  ///
  /// @param timeout for all together, 1 ms to one day
  /// @return their values, in the same order
  /// @throws FunctionFailedException if one has failed
  /// @throws DefiniteException.NotReached if one is not there in time
  public List<Payload> awaitAll(List<StoredFuture> futures, Duration timeout) {
    return Trellis.await(awaitAllAsync(futures, timeout)).stream().map(Result::value).toList();
  }

  /// As [#awaitAll], with failures among the results.
  public CompletableFuture<List<Result>> awaitAllAsync(
      List<StoredFuture> futures, Duration timeout) {
    List<CompletableFuture<Result>> results =
        futures.stream().map(each -> each.awaitAsync(timeout)).toList();
    return CompletableFuture.allOf(results.toArray(CompletableFuture<?>[]::new))
        .thenApply(all -> results.stream().map(CompletableFuture::join).toList());
  }

  /// A point that several invocations wait for each other at.
  ///
  /// @param name that nobody else has, such as one that begins with the id of who scattered
  /// @param parties how many must arrive, 1 or more
  public Barrier barrier(String name, int parties) {
    return new Barrier(calls, name, parties);
  }

  /// A figure to which many contribute.
  public Aggregate aggregate(String name) {
    return new Aggregate(calls, name);
  }
}
