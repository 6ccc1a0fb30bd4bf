package dev.trellis.faults;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.IntStream;

/// All on 127.0.0.1, told apart by ports: where there are no network namespaces.
final class LoopbackLab implements Lab {
  /// Below those that the system gives to outgoing connections.
  private static final int PORT_MIN = 10_000;

  private static final int PORT_MAX = 32_000;
  private static final int ATTEMPTS_MAX = 1_000;

  private final String reason;
  private final Set<Integer> taken = new HashSet<>();

  /// @param reason why nothing better can be had
  LoopbackLab(String reason) {
    this.reason = reason;
  }

  @Override
  public Host newHost(String name) throws IOException {
    for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      int slots = (PORT_MAX - PORT_MIN) / Host.PORTS;
      int base = PORT_MIN + ThreadLocalRandom.current().nextInt(slots) * Host.PORTS;
      if (!taken.contains(base)
          && IntStream.range(base, base + Host.PORTS).allMatch(LoopbackLab::isFree)) {
        taken.add(base);
        return new Host(name, "127.0.0.1", base, List.of());
      }
    }
    throw new IOException("no " + Host.PORTS + " free ports in a row on 127.0.0.1");
  }

  private static boolean isFree(int port) {
    try (ServerSocket socket = new ServerSocket()) {
      socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  @Override
  public boolean canCut() {
    return false;
  }

  @Override
  public void cut(Host from, Host to) {
    throw new UnsupportedOperationException("ways on loopback cannot be cut");
  }

  @Override
  public void cutClients(Host to) {
    throw new UnsupportedOperationException("ways on loopback cannot be cut");
  }

  @Override
  public long heal() {
    return 0;
  }

  @Override
  public String describe() {
    return "loopback, since " + reason;
  }

  @Override
  public void close() {
    // There is nothing to remove.
  }
}
