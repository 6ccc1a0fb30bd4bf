package dev.trellis.adapters.lambda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.InvocationId;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.Trellis;
import dev.trellis.client.session.SessionToken;
import dev.trellis.functions.Functions;
import dev.trellis.functions.Invocation;
import dev.trellis.junit.TrellisExtension;
import dev.trellis.lattice.Payload;
import dev.trellis.node.TrellisNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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
  private static final Pattern ENVELOPE =
      Pattern.compile("\\{\"trellissession\":\"([A-Za-z0-9_-]+)\",\"result\":(.*)}");

  /// The process that Lambda starts: `java` with its runtime interface client.
  private static Process start(FakeRuntimeApi api, String addresses, Path log) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("--sun-misc-unsafe-memory-access=allow");
    command.add("-Dlogback.configurationFile=" + System.getProperty("logback.configurationFile"));
    command.add("-cp");
    command.add(System.getProperty("java.class.path"));
    command.add("com.amazonaws.services.lambda.runtime.api.client.AWSLambda");
    command.add(Visits.class.getName());
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    builder.environment().put("AWS_LAMBDA_RUNTIME_API", api.address());
    builder.environment().put("TRELLIS_ADDRESSES", addresses);
    return builder.start();
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
