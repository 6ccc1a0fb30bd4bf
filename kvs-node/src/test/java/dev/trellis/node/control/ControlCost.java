package dev.trellis.node.control;

import dev.trellis.lattice.Payload;
import dev.trellis.process.AuditLog;
import dev.trellis.process.CurveKeys;
import dev.trellis.process.Secrets;
import dev.trellis.process.TestSecrets;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;

/// What CURVE costs on the control plane, beside the same without it in the same run: a program,
/// not a test. docs/security.md has what it printed.
final class ControlCost {
  private static final int ROUNDS = 5;
  private static final int MESSAGE_BYTES = 300; // what a ping of a node has, about
  private static final int WINDOW = 256;
  private static final int CONNECTIONS = 500;
  private static final double MICROS = TimeUnit.MICROSECONDS.toNanos(1);

  private ControlCost() {}

  public static void main(String[] arguments) throws Exception {
    Path folder = Files.createTempDirectory("control-cost");
    Secrets own = new TestSecrets(folder, "cost").node("n");
    Optional<ControlProtection> on =
        Optional.of(
            new ControlProtection(
                CurveKeys.ofServer(own), new AuditLog("cost", InstantSource.system())));
    for (int round = 0; round < ROUNDS; round++) {
      double plain = messagesPerSecond(Optional.empty());
      double curve = messagesPerSecond(on);
      System.out.printf(
          Locale.ROOT,
          "messages of %d B a second: %,.0f plain, %,.0f CURVE, %.2f times%n",
          MESSAGE_BYTES,
          plain,
          curve,
          curve / plain);
    }
    handshakes(on);
    memory(Optional.empty());
    memory(on);
    System.exit(0);
  }

  private static ControlSocket bind(String name, Optional<ControlProtection> protection) {
    return ControlSocket.bind(
        InetAddress.getLoopbackAddress(),
        0,
        name,
        new ControlTallies(),
        Resolver.SYSTEM,
        protection);
  }

  private static double messagesPerSecond(Optional<ControlProtection> protection)
      throws InterruptedException {
    Semaphore window = new Semaphore(WINDOW);
    try (ControlSocket to = bind("to", protection);
        ControlSocket from = bind("from", protection)) {
      to.open((_, _, _) -> window.release());
      from.open((_, _, _) -> {});
      String address = "127.0.0.1:" + to.port();
      Payload message = Payload.of(new byte[MESSAGE_BYTES]);
      int sent = 0;
      int lost = 0; // while the connection was made
      long begun = 0;
      long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(6);
      long warmUntil = until - TimeUnit.SECONDS.toNanos(4);
      while (System.nanoTime() < until) {
        if (!window.tryAcquire(200, TimeUnit.MILLISECONDS)) {
          window.release(WINDOW);
          lost++;
          continue;
        }
        from.send(address, message);
        if (System.nanoTime() > warmUntil) {
          if (begun == 0) {
            begun = System.nanoTime();
          }
          sent++;
        }
      }
      if (lost > 20) {
        System.out.println("much was lost: " + lost);
      }
      return sent * 1e9 / (System.nanoTime() - begun);
    }
  }

  private static void handshakes(Optional<ControlProtection> on) {
    long[] nanos = new long[200];
    CurveKeys.Held held = on.orElseThrow().keys().held();
    try (ControlSocket to = bind("to", on);
        ZContext context = ControlSocket.newContext()) {
      to.open((_, _, _) -> {});
      for (int at = -200; at < nanos.length; at++) {
        long begun = System.nanoTime();
        try (ZMQ.Socket socket = context.createSocket(SocketType.DEALER)) {
          ControlSocket.configure(socket);
          CurveServer.protectClient(socket, held, held.serverKeys().getFirst());
          socket.connect("tcp://127.0.0.1:" + to.port());
          socket.recv();
        }
        if (at >= 0) {
          nanos[at] = System.nanoTime() - begun;
        }
      }
    }
    Arrays.sort(nanos);
    System.out.printf(
        Locale.ROOT,
        "connecting with CURVE, both sides: p50 %.0f µs, p99 %.0f µs%n",
        nanos[100] / MICROS,
        nanos[198] / MICROS);
  }

  private static void memory(Optional<ControlProtection> protection) throws InterruptedException {
    Semaphore received = new Semaphore(0);
    try (ControlSocket to = bind("to", protection);
        ZContext context = ControlSocket.newContext()) {
      context.getContext().setMaxSockets(2 * CONNECTIONS);
      to.open((_, _, _) -> received.release());
      long before = used();
      for (int at = 0; at < CONNECTIONS; at++) {
        ZMQ.Socket socket = context.createSocket(SocketType.DEALER);
        ControlSocket.configure(socket);
        protection
            .map(ControlProtection::keys)
            .map(CurveKeys::held)
            .ifPresent(
                held -> CurveServer.protectClient(socket, held, held.serverKeys().getFirst()));
        socket.connect("tcp://127.0.0.1:" + to.port());
        socket.send(new byte[10]);
        received.acquire();
      }
      System.out.printf(
          Locale.ROOT,
          "an idle connection, both sides with their sockets: %,d B %s%n",
          (used() - before) / CONNECTIONS,
          protection.isPresent() ? "with CURVE" : "plain");
    }
  }

  private static long used() {
    for (int at = 0; at < 3; at++) {
      System.gc();
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100));
    }
    long direct =
        ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
            .mapToLong(BufferPoolMXBean::getMemoryUsed)
            .sum();
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed() + direct;
  }
}
