package dev.trellis.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.ExitCode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PortsTest {
  @ParameterizedTest
  @ValueSource(ints = {0, -1, 65_001, 70_000})
  void aPortBaseWithoutRoomIsTheMistakeOfWhoAskedForIt(int base) {
    CommandFailure failure = assertThrows(CommandFailure.class, () -> Ports.asked(base));
    assertEquals(ExitCode.MISUSE, failure.exitCode());
    assertEquals(
        "--port-base " + base + " is outside 1 to 65000, where there is room for all",
        failure.getMessage());
  }

  @Test
  void theHighestHasRoomForAllNodes() {
    Ports ports = Ports.asked(Ports.BASE_MAX);
    assertEquals(65_498, ports.nodeStatistics(Ports.NODES_MAX - 1));
  }
}
