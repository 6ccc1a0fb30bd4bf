package dev.trellis.junit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.trellis.client.Trellis;
import dev.trellis.node.TrellisNode;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;
import org.junit.platform.launcher.listeners.TestExecutionSummary;

/// Runs classes of users' tests, here below, and looks at what they saw.
class TrellisExtensionTest {
  /// The ports that the inner tests saw, in order.
  private static final List<Integer> PORTS = new ArrayList<>();

  @BeforeEach
  void forget() {
    PORTS.clear();
  }

  private static TestExecutionSummary run(Class<?> tests) {
    LauncherDiscoveryRequest request =
        LauncherDiscoveryRequestBuilder.request()
            .selectors(DiscoverySelectors.selectClass(tests))
            .build();
    SummaryGeneratingListener listener = new SummaryGeneratingListener();
    LauncherFactory.create().execute(request, listener);
    return listener.getSummary();
  }

  private static void assertSucceeds(int count, Class<?> tests) {
    TestExecutionSummary summary = run(tests);
    summary
        .getFailures()
        .forEach(failure -> fail(failure.getTestIdentifier().toString(), failure.getException()));
    assertEquals(count, summary.getTestsSucceededCount());
  }

  private static int portOf(TrellisNode node) {
    return node.descriptor().shardPorts().getFirst();
  }

  @Test
  void eachMethodHasAStoreOfItsOwn() {
    assertSucceeds(3, PerMethod.class);
    assertEquals(3, PORTS.size());
    assertGone();
  }

  @Test
  void theMethodsOfAClassShareAStoreIfAskedTo() {
    assertSucceeds(3, PerClass.class);
    assertEquals(1, new HashSet<>(PORTS).size());
    assertGone();
  }

  @Test
  void aMethodForAllTestsCannotHaveTheStoreOfOne() {
    List<TestExecutionSummary.Failure> failures = run(TooEarly.class).getFailures();
    assertEquals(1, failures.size());
    String message = failures.getFirst().getException().getMessage();
    assertTrue(message.contains("register TrellisExtension.perClass()"), message);
  }

  private static void assertGone() {
    for (int port : PORTS) {
      assertThrows(
          IOException.class, () -> new Socket(InetAddress.getLoopbackAddress(), port).close());
    }
  }

  @ExtendWith(TrellisExtension.class)
  static class PerMethod {
    private final Trellis given;

    PerMethod(Trellis given) {
      this.given = given;
    }

    @BeforeEach
    void fill(Trellis trellis) {
      trellis.register("key").putText("before");
    }

    @Test
    void theConstructorTheMethodsBeforeAndTheTestShareIt(Trellis trellis, TrellisNode node) {
      assertEquals(given, trellis);
      assertEquals(Optional.of("before"), trellis.register("key").getText());
      PORTS.add(portOf(node));
    }

    @Test
    void whatOneTestWrites(Trellis trellis, TrellisNode node) {
      assertEquals(0, trellis.counter("runs").value());
      trellis.counter("runs").add(1);
      PORTS.add(portOf(node));
    }

    @Test
    void theOthersDoNotSee(Trellis trellis, TrellisNode node) {
      assertEquals(0, trellis.counter("runs").value());
      trellis.counter("runs").add(1);
      PORTS.add(portOf(node));
    }
  }

  static class PerClass {
    @RegisterExtension
    static final TrellisExtension STORE = TrellisExtension.perClass().withShards(2);

    @BeforeAll
    static void fill(Trellis trellis) {
      trellis.counter("runs").add(10);
    }

    @Test
    void oneCounts(Trellis trellis, TrellisNode node) {
      assertEquals(2, node.descriptor().shardPorts().size());
      trellis.counter("runs").add(1);
      PORTS.add(portOf(node));
    }

    @Test
    void theOtherCountsOn(Trellis trellis, TrellisNode node) {
      trellis.counter("runs").add(1);
      PORTS.add(portOf(node));
    }

    @Nested
    class Within {
      @Test
      void nestedClassesSeeTheSame(Trellis trellis, TrellisNode node) {
        assertEquals(12, trellis.counter("runs").value());
        PORTS.add(portOf(node));
      }
    }
  }

  @ExtendWith(TrellisExtension.class)
  static class TooEarly {
    @BeforeAll
    static void fill(Trellis trellis) {
      trellis.counter("runs").add(10);
    }

    @Test
    void neverRuns() {}
  }
}
