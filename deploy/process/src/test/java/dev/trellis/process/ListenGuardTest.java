package dev.trellis.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ListenGuardTest {
  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "127.9.9.9", "::1", "localhost"})
  void loopbackNeedsNoWord(String address) {
    assertTrue(ListenGuard.resolve("bind", address, Security.LOOPBACK_ONLY).isLoopbackAddress());
  }

  @ParameterizedTest
  @ValueSource(strings = {"0.0.0.0", "::", "10.0.0.1", "192.0.2.7"})
  void everythingElseIsRefusedUntilSecurityIsOnOrOff(String address) {
    assertEquals(
        "bind "
            + address
            + " is not a loopback address, and whoever reaches it could read and change"
            + " everything; write security = on, with the folder that bin/trellis security init"
            + " makes as secrets.folder, or security = off if the network itself keeps strangers"
            + " out, or use 127.0.0.1",
        assertThrows(
                ConfigurationException.class,
                () -> ListenGuard.resolve("bind", address, Security.LOOPBACK_ONLY))
            .getMessage());
    ListenGuard.resolve("bind", address, Security.OFF);
    ListenGuard.resolve("bind", address, Security.ON);
  }

  @Test
  void aNameThatDoesNotResolveIsRefused() {
    assertEquals(
        "bind no such host is no address of this machine and no name that resolves",
        assertThrows(
                ConfigurationException.class,
                () -> ListenGuard.resolve("bind", "no such host", Security.OFF))
            .getMessage());
  }
}
