package dev.trellis.adapters.lambda;

import dev.trellis.functions.FunctionCall;
import dev.trellis.functions.Invoker;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Has functions run that are deployed in AWS Lambda, each a [LambdaFunction]: a call is an
/// asynchronous invocation, which Lambda keeps until the function has run, and repeats where that
/// fails (twice, unless the function is configured otherwise). The name of the function is the one
/// in Lambda, its ARN, or either with `:` and a version or alias.
///
/// ```java
/// Invoker lambda = LambdaInvoker.ofEnvironment();
/// InvocationId id = functions.newId();
/// lambda.invoke(FunctionCall.of("resize", id, picture)).join();
/// StoredFuture sent = functions.future(id).then("send", lambda);
/// Payload receipt = sent.get(Duration.ofMinutes(1));
/// ```
///
/// Whoever calls needs the permission `lambda:InvokeFunction`, so the role of a function does whose
/// result another one goes on with. Arguments beyond what Lambda takes in an event (1 MB, of which
/// base64 makes 0.75) belong into the store.
///
/// Speaks Lambda's HTTP interface, without AWS's SDK. Safe for any thread.
public final class LambdaInvoker implements Invoker {
  private static final String PATH = "/2015-03-31/functions/";
  private static final int ACCEPTED = 202;
  private static final int ATTEMPTS = 3;
  private static final Duration PAUSE = Duration.ofMillis(100);
  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  private final URI endpoint;
  private final String region;
  private final Supplier<AwsCredentials> credentials;
  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(TIMEOUT).build();

  private LambdaInvoker(URI endpoint, String region, Supplier<AwsCredentials> credentials) {
    this.endpoint = endpoint;
    this.region = region;
    this.credentials = credentials;
  }

  /// As Lambda's environment says, and AWS's other tools take it: `AWS_REGION`, the credentials in
  /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; and
  /// `AWS_ENDPOINT_URL_LAMBDA` where Lambda is not at its usual address.
  ///
  /// @throws IllegalStateException if there is no region
  public static LambdaInvoker ofEnvironment() {
    String region = Variables.required("AWS_REGION");
    Optional<URI> endpoint = Variables.optional("AWS_ENDPOINT_URL_LAMBDA").map(URI::create);
    return of(
        endpoint.orElseGet(() -> URI.create("https://lambda." + region + ".amazonaws.com")),
        region,
        AwsCredentials::ofEnvironment);
  }

  /// With credentials from elsewhere.
  ///
  /// @param endpoint of Lambda in this region, without a path
  /// @param credentials asked for each call; must not block for long
  public static LambdaInvoker of(
      URI endpoint, String region, Supplier<AwsCredentials> credentials) {
    return new LambdaInvoker(endpoint, region, credentials);
  }

  /// Has Lambda keep the call. What Lambda can't take now is tried three times; then this fails,
  /// and whoever asked is to be run again.
  @Override
  public CompletableFuture<@Nullable Void> invoke(FunctionCall call) {
    return attempt(call, 1);
  }

  /// Why Lambda has not taken a call.
  private record Problem(String what, boolean mayPass, @Nullable Throwable cause) {}

  private CompletableFuture<@Nullable Void> attempt(FunctionCall call, int number) {
    HttpRequest request;
    try {
      request = request(call); // anew each time, as signatures are of a moment
    } catch (RuntimeException e) { // no credentials, or no name
      return CompletableFuture.failedFuture(e);
    }
    return http.sendAsync(request, HttpResponse.BodyHandlers.ofString())
        .handle(LambdaInvoker::problem)
        .thenCompose(
            problem -> {
              if (problem.isEmpty()) {
                return CompletableFuture.completedFuture(null);
              }
              if (!problem.get().mayPass() || number == ATTEMPTS) {
                return CompletableFuture.failedFuture(
                    new IllegalStateException(
                        "Lambda has not taken the call of "
                            + call.function()
                            + ": "
                            + problem.get().what(),
                        problem.get().cause()));
              }
              return CompletableFuture.runAsync(
                      () -> {},
                      CompletableFuture.delayedExecutor(
                          PAUSE.toMillis() << number, TimeUnit.MILLISECONDS))
                  .thenCompose(paused -> attempt(call, number + 1));
            });
  }

  private static Optional<Problem> problem(
      @Nullable HttpResponse<String> response, @Nullable Throwable failure) {
    if (response == null) {
      return Optional.of(new Problem(String.valueOf(failure), true, failure));
    }
    int status = response.statusCode();
    return status == ACCEPTED
        ? Optional.empty()
        : Optional.of(
            new Problem(
                "status " + status + ", " + response.body(), status == 429 || status >= 500, null));
  }

  private HttpRequest request(FunctionCall call) {
    URI uri =
        URI.create(
            endpoint.toString().replaceAll("/+$", "")
                + PATH
                + Signature.encode(call.function())
                + "/invocations");
    byte[] body = CallEvent.of(call).toBytes();
    HttpRequest.Builder request =
        HttpRequest.newBuilder(uri)
            .timeout(TIMEOUT)
            .POST(HttpRequest.BodyPublishers.ofByteArray(body));
    new Signature(credentials.get(), region, "lambda")
        .sign(
            "POST",
            uri,
            Map.of("Content-Type", "application/json", "X-Amz-Invocation-Type", "Event"),
            body,
            Instant.now())
        .forEach(request::header);
    return request.build();
  }
}
