package dev.trellis.routing.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.wire.ErrorCode;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class ProblemTypeTest {
  @ParameterizedTest
  @CsvSource({
    "KEY_TOO_LONG, 400",
    "VALUE_TOO_LARGE, 413",
    "BAD_REQUEST, 400",
    "KIND_MISMATCH, 409",
    "CLOCK_SKEW, 400",
    "UNAUTHENTICATED, 401",
    "FORBIDDEN, 403",
    "SUPERSEDED, 409",
    "NOT_REACHED, 408",
    "INVOCATION_EXPIRED, 410",
    "SESSION_UNAVAILABLE, 503",
    "OVERLOADED, 503",
    "OUT_OF_MEMORY, 507",
    "DISK_FULL, 507",
    "NO_NODES, 503",
    "NOT_ENOUGH_REPLICAS, 503",
    "TIMEOUT, 504",
    "OUTCOME_UNKNOWN, 504"
  })
  void everyCodeHasItsStatus(ErrorCode code, int status) {
    assertEquals(status, ProblemType.of(code).status());
  }

  @ParameterizedTest
  @EnumSource
  void everyCodeOfTheWireIsKnown(ErrorCode code) {
    assertEquals(code.name(), ProblemType.of(code).name());
  }

  @Test
  void everyTypeHasAUriOfItsOwn() {
    List<String> uris = Arrays.stream(ProblemType.values()).map(ProblemType::uri).toList();
    assertEquals(uris.size(), new HashSet<>(uris).size());
    assertEquals("tag:trellis.dev,2026:key-missing", ProblemType.KEY_MISSING.uri());
  }

  @Test
  void whatIsWorthAnotherTrySaysWhen() {
    Problem told = problem(ErrorCode.OVERLOADED, Optional.of(Duration.ofMillis(2_100)));
    assertEquals(Optional.of("3"), told.retryAfterSeconds());
    assertEquals(
        Optional.of("1"), problem(ErrorCode.NO_NODES, Optional.empty()).retryAfterSeconds());
    assertTrue(problem(ErrorCode.KIND_MISMATCH, Optional.empty()).retryAfter().isEmpty());
  }

  private static Problem problem(ErrorCode code, Optional<Duration> retryAfter) {
    return Problem.of(new StoreResult.Failed(code, "", true, retryAfter, Optional.empty()));
  }
}
