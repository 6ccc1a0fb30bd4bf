package dev.trellis.functions;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.InvocationId;
import dev.trellis.client.CallOptions;
import dev.trellis.client.Calls;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.Trellis;
import dev.trellis.junit.TrellisExtension;
import dev.trellis.wire.Mutation;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// Ids of invocations, and clients that are snapshotted, against a real node.
class FunctionsTest {
  @RegisterExtension static final TrellisExtension STORE = TrellisExtension.perMethod();

  @Test
  void anIdOfUnknownBirthIsTheSameForEachRun(Trellis trellis) throws InterruptedException {
    Functions functions = Functions.over(trellis);
    long before = System.currentTimeMillis();
    InvocationId id = functions.idOf("request-1");
    while (System.currentTimeMillis() == id.bornMillis()) {
      Thread.onSpinWait();
    }
    assertEquals(id, functions.idOf("request-1"));
    assertEquals(id, Functions.over(trellis).idOf("request-1"));
    assertTrue(id.bornMillis() >= before);
    assertNotEquals(id, functions.idOf("request-2"));
    assertEquals(id, Functions.idOf("request-1", Instant.ofEpochMilli(id.bornMillis())));
    assertTrue(trellis.min("_trellis/invocation/request-1").expire(Duration.ofHours(1)));
    String longName = "x".repeat(2_000);
    assertEquals(functions.idOf(longName), functions.idOf(longName));
  }

  @Test
  void theBirthOfAnIdIsWrittenOnceWithItsEnd(Trellis trellis) {
    List<CallOptions> writes = new ArrayList<>();
    Calls counting =
        (key, operation, options) -> {
          if (operation instanceof Mutation) {
            writes.add(options);
          }
          return trellis.execute(key, operation, options);
        };
    Functions functions = Functions.over(trellis, counting);
    Duration kept = Duration.ofSeconds(2);
    InvocationId id = functions.idOf("short", kept);
    assertEquals(id, functions.idOf("short", kept));
    assertEquals(List.of(Optional.of(kept)), writes.stream().map(CallOptions::ttl).toList());
    while (trellis.min("_trellis/invocation/short").get().isPresent()) {
      Thread.onSpinWait();
    }
    assertNotEquals(id, functions.idOf("short", kept));
  }

  @Test
  void aRestoredClientIsAnother(Trellis trellis) {
    Functions functions = Functions.over(trellis);
    long client = trellis.clientId();
    trellis.beforeCheckpoint();
    trellis.beforeCheckpoint();
    assertThrows(DefiniteException.NotSent.class, () -> trellis.register("frozen").getText());
    trellis.afterRestore();
    long first = trellis.clientId();
    trellis.register("frozen").putText("first");
    trellis.afterRestore();
    assertEquals(first, trellis.clientId(), "there was no checkpoint");
    trellis.beforeCheckpoint();
    trellis.afterRestore();
    assertNotEquals(client, first);
    assertNotEquals(first, trellis.clientId());
    assertEquals("first", trellis.register("frozen").getText().orElseThrow());
    assertNotEquals(functions.newId(), functions.newId());
    trellis.beforeCheckpoint();
    trellis.close();
    trellis.afterRestore();
    assertThrows(DefiniteException.NotSent.class, () -> trellis.register("frozen").getText());
  }
}
