package dev.trellis.monitor.console;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.InetAddress;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HostGuardTest {
  private final HostGuard guard = new HostGuard(List.of("0.0.0.0", "Console.shop.example"));
  private final InetAddress local = InetAddress.ofLiteral("192.0.2.7");

  @ParameterizedTest
  @ValueSource(
      strings = {
        "localhost",
        "LocalHost:7490",
        "trellis.localhost:8080",
        "127.0.0.1",
        "127.0.0.1:7490",
        "127.3.2.1:1",
        "[::1]",
        "[::1]:7490",
        "192.0.2.7:7490",
        "console.shop.example",
        "CONSOLE.shop.example:443"
      })
  void namesThatNobodyElseCanOwnAreAdmitted(String host) {
    assertEquals(true, guard.admits(List.of(host), local));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        ":7490",
        "evil.example",
        "evil.example:7490",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "notlocalhost",
        "192.0.2.8:7490",
        "[::2]:7490",
        "[::1",
        "evil.example@localhost",
        "localhost,evil.example",
        "shop.example"
      })
  void othersAreRefused(String host) {
    assertEquals(false, guard.admits(List.of(host), local));
  }

  @Test
  void aRequestNamesOneHost() {
    assertEquals(false, guard.admits(List.of(), local));
    assertEquals(false, guard.admits(List.of("localhost", "localhost"), local));
  }
}
