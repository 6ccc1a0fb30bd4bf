package dev.trellis.adapters.lambda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.amazonaws.services.lambda.runtime.api.client.AWSLambda;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.InvocationId;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.Trellis;
import dev.trellis.client.session.SessionToken;
import dev.trellis.functions.FunctionCall;
import dev.trellis.functions.Functions;
import dev.trellis.functions.Invocation;
import dev.trellis.functions.StoredFuture;
import dev.trellis.junit.TrellisExtension;
import dev.trellis.lattice.Payload;
import dev.trellis.node.TrellisNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// A function in the process that Lambda runs it in, which talks to Lambda over HTTP; here to
/// [FakeRuntimeApi].
@ExtendWith(TrellisExtension.class)
class LambdaFunctionTest {
  private static final Duration PATIENCE = Duration.ofMinutes(1);
  private static final String LIBRARY =
      "com.amazonaws.services.lambda.runtime.api.client.runtimeapi.NativeClient.JNI";
  private static final Pattern ENVELOPE =
      Pattern.compile("\\{\"trellissession\":\"([A-Za-z0-9_-]+)\",\"result\":(.*)}");

  /// The native part of the runtime interface client, for one process. By itself, each process
  /// copies it to the same file of `/tmp` and loads it from there, so one that starts while another
  /// copies would find it half written or gone; in Lambda, none has a neighbour.
  private static Path nativeLibrary(Path log) throws IOException {
    String processor = System.getProperty("os.arch").equals("aarch64") ? "aarch_64" : "x86_64";
    Path library = log.resolveSibling(log.getFileName() + ".so");
    try (InputStream packed =
        Objects.requireNonNull(
            AWSLambda.class.getResourceAsStream(
                "/jni/libaws-lambda-jni.linux-" + processor + ".so"))) {
      Files.copy(packed, library);
    }
    return library;
  }

  /// The process that Lambda starts: `java` with its runtime interface client.
  private static Process start(FakeRuntimeApi api, String addresses, Path log) throws IOException {
    return start(Visits.class, api, addresses, Map.of(), log);
  }

  private static Process start(
      Class<? extends LambdaFunction> function,
      FakeRuntimeApi api,
      String addresses,
      Map<String, String> environment,
      Path log)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("--sun-misc-unsafe-memory-access=allow");
    command.add("-Dlogback.configurationFile=" + System.getProperty("logback.configurationFile"));
    command.add("-D" + LIBRARY + "=" + nativeLibrary(log));
    command.add("-cp");
    command.add(System.getProperty("java.class.path"));
    command.add(AWSLambda.class.getName());
    command.add(function.getName());
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    builder.environment().put("AWS_LAMBDA_RUNTIME_API", api.address());
    builder.environment().put("TRELLIS_ADDRESSES", addresses);
    builder.environment().putAll(environment);
    return builder.start();
  }

  /// Waits until the process asks for its first event.
  private static void awaitReady(Process process, FakeRuntimeApi api, Path log) throws Exception {
    CompletableFuture.anyOf(api.asked(), process.onExit()).get(60, TimeUnit.SECONDS);
    assertTrue(process.isAlive(), () -> "the process has ended: " + text(log));
  }

  private static String text(Path log) {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String address(TrellisNode node) {
    return "127.0.0.1:" + node.descriptor().shardPorts().getFirst();
  }

  @Test
  void aFunctionRunsInLambdaAndARepeatedEventCountsOnce(
      Trellis trellis, TrellisNode node, @TempDir Path folder) throws Exception {
    Path log = folder.resolve("log");
    try (FakeRuntimeApi api = new FakeRuntimeApi()) {
      Process process = start(api, address(node), log);
      try {
        awaitReady(process, api, log);
        api.invoke("8476a536-e9f4-11e8-9739-2dfe598c3fcd", "\"first\"", "");
        assertEquals(
            new FakeRuntimeApi.Answer(
                "8476a536-e9f4-11e8-9739-2dfe598c3fcd", "response", "\"first\""),
            api.answer());
        assertEquals(1, trellis.counter("visits").value());

        // Of a run that fails nothing is seen.
        api.invoke("failing", "\"fail\"", "");
        FakeRuntimeApi.Answer failure = api.answer();
        assertEquals("error", failure.how());
        assertTrue(failure.body().contains("asked to fail"), failure.body());
        assertEquals(1, trellis.counter("visits").value());

        // An event that Lambda repeats has the same request id.
        for (int attempt = 0; attempt < 3; attempt++) {
          api.invoke("repeated", "\"repeated\"", "");
          assertEquals("response", api.answer().how());
        }
        assertEquals(2, trellis.counter("visits").value());

        // Somebody who repeats his calls, with another request id each time, and has a session.
        String invocation = Functions.over(trellis).newId().toString();
        String context = "{\"custom\":{\"Trellis-Invocation\":\"%s\",\"Trellis-Session\":\"%s\"}}";
        String token = "";
        for (int call = 0; call < 2; call++) {
          api.invoke("call-" + call, "\"again\"", context.formatted(invocation, token));
          FakeRuntimeApi.Answer answer = api.answer();
          Matcher envelope = ENVELOPE.matcher(answer.body());
          assertTrue(envelope.matches(), answer.toString());
          assertEquals("\"again\"", envelope.group(2));
          token = envelope.group(1);
        }
        assertEquals(3, trellis.counter("visits").value());
        assertEquals(
            "\"again\"",
            trellis.resume(SessionToken.ofText(token)).register("last").getText().orElseThrow());

        // What is no id or no token is refused, and is not written for.
        api.invoke("bad", "\"bad\"", context.formatted("bad", ""));
        assertEquals("error", api.answer().how());
        assertEquals(3, trellis.counter("visits").value());
      } finally {
        process.destroy();
        assertTrue(process.waitFor(60, TimeUnit.SECONDS));
      }
    }
    String printed = Files.readString(log);
    assertTrue(!printed.contains("WARNING"), printed);
  }

  /// Lambda is busy first, and delivers every event twice; who waits, waits for the store.
  @Test
  void aFunctionGoesOnWithTheResultOfAnotherAndTheCallerAwaitsIt(
      Trellis trellis, TrellisNode node, @TempDir Path folder) throws Exception {
    String greet = "arn:aws:lambda:eu-central-1:123456789012:function:greet";
    try (FakeRuntimeApi shouting = new FakeRuntimeApi();
        FakeRuntimeApi greeting = new FakeRuntimeApi();
        FakeLambda lambda = new FakeLambda(Map.of("shout", shouting, greet, greeting))) {
      Map<String, String> environment =
          Map.of(
              "AWS_REGION",
              FakeLambda.REGION,
              "AWS_ACCESS_KEY_ID",
              FakeLambda.CREDENTIALS.accessKeyId(),
              "AWS_SECRET_ACCESS_KEY",
              FakeLambda.CREDENTIALS.secretAccessKey(),
              "AWS_SESSION_TOKEN",
              FakeLambda.CREDENTIALS.sessionToken().orElseThrow(),
              "AWS_ENDPOINT_URL_LAMBDA",
              lambda.endpoint().toString());
      List<Process> processes =
          List.of(
              start(Shout.class, shouting, address(node), environment, folder.resolve("shout")),
              start(Greet.class, greeting, address(node), environment, folder.resolve("greet")));
      try {
        awaitReady(processes.get(0), shouting, folder.resolve("shout"));
        awaitReady(processes.get(1), greeting, folder.resolve("greet"));
        Functions functions = Functions.over(trellis);
        LambdaInvoker invoker =
            LambdaInvoker.of(lambda.endpoint(), FakeLambda.REGION, () -> FakeLambda.CREDENTIALS);
        InvocationId id = functions.newId();
        StoredFuture greeted = functions.future(id).then(greet, invoker);
        invoker.invoke(FunctionCall.of("shout", id, Payload.ofText("world"))).join();
        assertEquals("hello world! 1", greeted.get(PATIENCE).text());
        assertEquals("world!", functions.future(id).get(PATIENCE).text());

        // Both runs of the one have called the other, and both of these events came twice.
        for (int run = 0; run < 2; run++) {
          FakeRuntimeApi.Answer answer = shouting.answer();
          assertEquals("response", answer.how(), answer.body());
          assertEquals("{\"trellisresult\":\"" + id + "\"}", answer.body());
        }
        for (int run = 0; run < 4; run++) {
          assertEquals("response", greeting.answer().how());
        }
        assertEquals(1, trellis.counter("shouts").value());
        assertEquals(1, trellis.counter("greetings").value());
        assertEquals("hello world! 1", greeted.get(PATIENCE).text());

        // Of a run that fails nothing is kept: Lambda repeats it.
        InvocationId failing = functions.newId();
        invoker.invoke(FunctionCall.of("shout", failing, Payload.ofText("fail"))).join();
        assertEquals("error", shouting.answer().how());
        assertEquals("error", shouting.answer().how());
        assertEquals(Optional.empty(), functions.future(failing).poll());
        assertEquals(1, trellis.counter("shouts").value());

        CompletionException unknown =
            assertThrows(
                CompletionException.class,
                () -> invoker.invoke(FunctionCall.of("nobody", id, Payload.EMPTY)).join());
        assertTrue(
            String.valueOf(unknown.getMessage())
                .contains("has not taken the call of nobody: status 404, {\"Message\""),
            unknown::toString);
        LambdaInvoker stranger =
            LambdaInvoker.of(
                lambda.endpoint(),
                FakeLambda.REGION,
                () -> new AwsCredentials("AKIDEXAMPLE", "guessed", Optional.of("session")));
        assertThrows(
            CompletionException.class,
            () -> stranger.invoke(FunctionCall.of("shout", id, Payload.EMPTY)).join());
      } finally {
        for (Process process : processes) {
          process.destroy();
          assertTrue(process.waitFor(60, TimeUnit.SECONDS));
        }
      }
    }
  }

  @Test
  void withoutAddressesTheInstanceDoesNotStartAndSaysWhy(@TempDir Path folder) throws Exception {
    try (FakeRuntimeApi api = new FakeRuntimeApi()) {
      Process process = start(api, " ", folder.resolve("log"));
      try {
        FakeRuntimeApi.Answer answer = api.answer();
        assertEquals("init", answer.how());
        assertTrue(
            answer.body().contains("TRELLIS_ADDRESSES is not set; set it to"), answer.body());
      } finally {
        process.destroy();
        assertTrue(process.waitFor(60, TimeUnit.SECONDS));
      }
    }
  }

  /// What a snapshot must not have two of.
  private record Identity(long client, InvocationId invocation, HybridTimestamp stamp) {
    static Identity of(Trellis trellis, Functions functions) {
      return new Identity(
          trellis.clientId(), functions.newId(), trellis.stampAfter(HybridTimestamp.ZERO));
    }
  }

  private static final class OnTheSpot extends LambdaFunction {
    OnTheSpot(Trellis trellis) {
      super(trellis);
    }

    @Override
    public Payload handle(Invocation invocation, Payload event) {
      return event;
    }
  }

  /// Two clones of a snapshot go through the same restore, one after the other here.
  @Test
  void eachCloneOfASnapshotHasIdsAndClocksOfItsOwn(Trellis trellis) throws Exception {
    OnTheSpot function = new OnTheSpot(trellis);
    Functions functions = function.functions();
    Snapshots snapshots = function.snapshots();
    Context<Resource> context = Core.getGlobalContext();
    Identity before = Identity.of(trellis, functions);

    snapshots.beforeCheckpoint(context);
    assertThrows(DefiniteException.class, () -> trellis.counter("restored").value());
    snapshots.afterRestore(context);
    Identity first = Identity.of(trellis, functions);
    assertEquals(1, trellis.counter("restored").add(1));

    snapshots.beforeCheckpoint(context);
    snapshots.afterRestore(context);
    Identity second = Identity.of(trellis, functions);
    assertEquals(2, trellis.counter("restored").add(1));

    for (Identity[] two : new Identity[][] {{before, first}, {first, second}, {before, second}}) {
      assertNotEquals(two[0].client, two[1].client);
      assertNotEquals(two[0].invocation, two[1].invocation);
      assertTrue(two[0].stamp.compareTo(two[1].stamp) < 0);
    }
  }
}
