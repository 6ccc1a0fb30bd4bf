package dev.trellis.adapters.lambda;

import com.amazonaws.services.lambda.runtime.ClientContext;
import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import dev.trellis.causal.InvocationId;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.ClientTls;
import dev.trellis.client.Trellis;
import dev.trellis.client.session.SessionToken;
import dev.trellis.functions.Answer;
import dev.trellis.functions.Function;
import dev.trellis.functions.FunctionCall;
import dev.trellis.functions.Functions;
import dev.trellis.functions.Invoker;
import dev.trellis.functions.Result;
import dev.trellis.lattice.Payload;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A function as a handler of AWS Lambda: extend it, and name your class as the handler.
///
/// ```java
/// public final class Visits extends LambdaFunction {
///   @Override
///   public Payload handle(Invocation invocation, Payload event) {
///     invocation.counter("visits").add(1);
///     return Payload.ofText("\"thanks\"");
///   }
/// }
/// ```
///
/// It connects when the instance starts, to the addresses in the environment variable
/// `TRELLIS_ADDRESSES` (`host:port`, separated by commas), and again after a restore from a
/// snapshot. What it needs beyond the event travels in the client context, in `custom`:
///
/// - [#INVOCATION]: the id of the invocation, from callers who repeat their calls. Without it, the
///   id follows from the request id, which Lambda keeps when it repeats an event itself.
/// - [SessionToken#HEADER]: the token of a session to go on with; empty to begin one. Who sends it
///   gets the new token with the answer: `{"trellissession": "…", "result": …}`, so what the
///   function answers must be JSON. Who does not gets just the answer.
///
/// Called by a [LambdaInvoker], the event is a [FunctionCall]: its result is kept as the
/// [dev.trellis.functions.StoredFuture] of its id, and goes on to whatever shall go on with it.
///
/// Override [#id], [#token] and [#answer] where these come in the event, as from a queue or an HTTP
/// gateway.
public abstract class LambdaFunction implements RequestStreamHandler, Function {
  /// The key of the client context under which the id of the invocation travels.
  public static final String INVOCATION = "Trellis-Invocation";

  private static final String ADDRESSES = "TRELLIS_ADDRESSES";
  private static final String AUTHORITIES = "TRELLIS_CA";
  private static final String KEY_FILE = "TRELLIS_API_KEY_FILE";

  private final Functions functions;
  private final Snapshots snapshots;
  private volatile @Nullable Invoker invoker; // once it was needed

  /// Connects to the addresses in `TRELLIS_ADDRESSES`; where the store has security, with the
  /// authority in the file `TRELLIS_CA` names and the API key in that of `TRELLIS_API_KEY_FILE`.
  ///
  /// @throws IllegalStateException if there are none
  /// @throws dev.trellis.client.DefiniteException.NoNodes if none of them answers
  protected LambdaFunction() {
    this(Trellis.connect(config()));
  }

  /// With a client that was configured otherwise.
  @SuppressWarnings("this-escape") // nothing is called on it
  protected LambdaFunction(Trellis trellis) {
    functions = Functions.over(trellis);
    snapshots = Snapshots.of(trellis);
  }

  private static ClientConfig config() {
    ClientConfig config = ClientConfig.of(addresses());
    Optional<Path> authorities = file(AUTHORITIES);
    if (authorities.isEmpty()) {
      return config;
    }
    ClientConfig encrypted = config.withTls(ClientTls.trusting(authorities.get()));
    Optional<Path> key = file(KEY_FILE);
    try {
      return key.isEmpty() ? encrypted : encrypted.withApiKey(Files.readString(key.get()).strip());
    } catch (IOException e) {
      throw new IllegalStateException(KEY_FILE + ": cannot read " + key.get(), e);
    }
  }

  private static Optional<Path> file(String variable) {
    return Optional.ofNullable(System.getenv(variable))
        .filter(name -> !name.isBlank())
        .map(Path::of);
  }

  private static String[] addresses() {
    String addresses = System.getenv(ADDRESSES);
    if (addresses == null || addresses.isBlank()) {
      throw new IllegalStateException(
          "the environment variable "
              + ADDRESSES
              + " is not set; set it to the addresses of the store, as host:port,host:port");
    }
    return addresses.trim().split("\\s*,\\s*");
  }

  /// What the handler works with.
  protected final Functions functions() {
    return functions;
  }

  /// What is told of snapshots of the process.
  final Snapshots snapshots() {
    return snapshots;
  }

  /// Whose run this is: the same for each run of one invocation.
  protected InvocationId id(Context context, Payload event) {
    return custom(context, INVOCATION)
        .map(InvocationId::ofText)
        .orElseGet(() -> functions.idOf(context.getAwsRequestId()));
  }

  /// The session that the run goes on with; empty to begin one.
  protected Optional<SessionToken> token(Context context, Payload event) {
    return custom(context, SessionToken.HEADER)
        .filter(text -> !text.isBlank())
        .map(SessionToken::ofText);
  }

  /// What Lambda is given as the response.
  protected Payload answer(Context context, Answer answer) {
    if (custom(context, SessionToken.HEADER).isEmpty()) {
      return answer.result();
    }
    String result = answer.result().isEmpty() ? "null" : answer.result().text();
    return Payload.ofText(
        "{\""
            + SessionToken.CLOUD_EVENTS_ATTRIBUTE
            + "\":\""
            + answer.token().text()
            + "\",\"result\":"
            + result
            + "}");
  }

  /// Who runs functions that go on with the result of this one: a [LambdaInvoker] as the
  /// environment says, made when it is first asked for.
  protected Invoker invoker() {
    Invoker known = invoker;
    if (known == null) {
      known = LambdaInvoker.ofEnvironment();
      invoker = known; // two at once make two, and one stays
    }
    return known;
  }

  private static Optional<String> custom(Context context, String key) {
    ClientContext client = context.getClientContext();
    if (client == null) {
      return Optional.empty();
    }
    @Nullable Map<String, String> custom = client.getCustom();
    return custom == null ? Optional.empty() : Optional.ofNullable(custom.get(key));
  }

  /// Runs the function once. What it throws, Lambda tells the caller, or repeats the event.
  @Override
  public final void handleRequest(InputStream input, OutputStream output, Context context)
      throws IOException {
    Payload event = Payload.of(input.readAllBytes());
    Payload answer;
    try {
      Optional<FunctionCall> call = CallEvent.call(event);
      answer = call.isPresent() ? keep(call.get()) : run(context, event);
    } catch (IOException | RuntimeException e) {
      throw e;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } catch (Exception e) {
      throw new IOException("the function has failed: " + e.getMessage(), e);
    }
    output.write(answer.toBytes());
  }

  private Payload run(Context context, Payload event) throws Exception {
    return answer(context, functions.run(this, id(context, event), token(context, event), event));
  }

  /// Runs the function for a call, whose result whoever wants it waits for in the store. Nobody but
  /// Lambda hears the answer.
  private Payload keep(FunctionCall call) throws Exception {
    Result kept = functions.run(call, this, next -> invoker().invoke(next));
    return Payload.ofText("{\"trellisresult\":\"" + kept.id() + "\"}");
  }
}
