package dev.trellis.process;

import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.util.ReferenceCountUtil;
import java.nio.ByteBuffer;
import java.util.Optional;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLException;

/// A handshake without sockets.
public final class Handshake {
  private Handshake() {}

  /// What each side knows of the other.
  public record Met(
      Optional<Doorkeeper.Certificate> server,
      Optional<Doorkeeper.Certificate> client,
      String protocol) {}

  /// Has a client and a server meet, once.
  ///
  /// @throws SSLException if one of them refuses the other and says so
  /// @throws IllegalStateException if neither says anything, and they do not come together
  public static Met meet(Tls client, Tls server) throws SSLException {
    return meet(
        client.client().newEngine(UnpooledByteBufAllocator.DEFAULT),
        server.server().newEngine(UnpooledByteBufAllocator.DEFAULT));
  }

  /// Has two meet, of which the first is the client, and gives back what they hold.
  static Met meet(SSLEngine one, SSLEngine other) throws SSLException {
    try {
      ByteBuffer there = ByteBuffer.allocate(1 << 16);
      ByteBuffer back = ByteBuffer.allocate(1 << 16);
      for (int rounds = 0; rounds < 100; rounds++) {
        wrap(one, there);
        unwrap(other, there);
        wrap(other, back);
        unwrap(one, back);
        if (isDone(one) && isDone(other)) {
          return new Met(
              Tls.shownBy(one.getSession()),
              Tls.shownBy(other.getSession()),
              one.getSession().getProtocol());
        }
      }
      throw new IllegalStateException("the handshake does not end");
    } finally {
      ReferenceCountUtil.release(one);
      ReferenceCountUtil.release(other);
    }
  }

  private static boolean isDone(SSLEngine engine) {
    return engine.getHandshakeStatus() == HandshakeStatus.NOT_HANDSHAKING
        && !engine.getSession().getProtocol().equals("NONE");
  }

  private static void wrap(SSLEngine engine, ByteBuffer to) throws SSLException {
    runTasks(engine);
    ByteBuffer nothing = ByteBuffer.allocate(0);
    while (engine.wrap(nothing, to).bytesProduced() > 0
        || engine.getHandshakeStatus() == HandshakeStatus.NEED_WRAP) {
      runTasks(engine);
      if (engine.isOutboundDone()) {
        break;
      }
    }
    to.flip();
  }

  private static void unwrap(SSLEngine engine, ByteBuffer from) throws SSLException {
    ByteBuffer nothing = ByteBuffer.allocate(1 << 16);
    while (from.hasRemaining() && engine.unwrap(from, nothing).bytesConsumed() > 0) {
      runTasks(engine);
    }
    from.clear();
  }

  private static void runTasks(SSLEngine engine) {
    for (Runnable task = engine.getDelegatedTask();
        task != null;
        task = engine.getDelegatedTask()) {
      task.run();
    }
  }
}
