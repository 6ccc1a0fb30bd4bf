package dev.trellis.integration;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/// Connections to one door that promise something and take for ever: some say nothing, others send
/// the beginning of what would be right there, a byte now and then.
final class SlowLoris implements AutoCloseable {
  // No more than wait to be accepted anywhere, at control ports 100: else some seem to be made that
  // nobody knows of there, and that nobody will drop.
  private static final int CONNECT_AT_ONCE = 50;

  private static final long PACE_NANOS = 500_000_000;

  private final Door door;
  private final byte[] beginning;
  private final List<SocketChannel> open = new ArrayList<>();
  private final ByteBuffer heard = ByteBuffer.allocate(4_096);
  private long sentNanos = System.nanoTime();
  private int sent;
  private int dropped;

  SlowLoris(Door door) {
    this.door = door;
    this.beginning =
        switch (door.tongue()) {
          case FRAMES -> new byte[] {0, 0, 0, 100, (byte) 0x82, 1, 97, 8, 1, 16, 1, 26, 90};
          case ZMTP -> HostileBytes.greeting("NULL");
          case HTTP -> "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: 1".getBytes(ISO_8859_1);
        };
  }

  /// Makes so many connections.
  void connect(int count) throws IOException {
    InetSocketAddress address =
        new InetSocketAddress(InetAddress.getLoopbackAddress(), door.port());
    List<SocketChannel> some = new ArrayList<>();
    while (open.size() + some.size() < count) {
      SocketChannel channel = SocketChannel.open();
      channel.configureBlocking(false);
      channel.connect(address);
      some.add(channel);
      if (some.size() == CONNECT_AT_ONCE || open.size() + some.size() == count) {
        for (SocketChannel each : some) {
          finish(each);
        }
        open.addAll(some);
        some.clear();
      }
    }
  }

  private static void finish(SocketChannel channel) throws IOException {
    long patienceEnds = System.nanoTime() + 30_000_000_000L;
    while (!channel.finishConnect()) {
      if (System.nanoTime() - patienceEnds > 0) {
        throw new IOException("nobody accepts at " + channel);
      }
      Thread.onSpinWait();
    }
  }

  /// Lets go of those that were dropped; and twice a second, sends the next byte on every other.
  void trickle() {
    long now = System.nanoTime();
    boolean isTime = now - sentNanos > PACE_NANOS;
    if (isTime) {
      sentNanos = now;
      sent++;
    }
    int number = 0;
    for (Iterator<SocketChannel> each = open.iterator(); each.hasNext(); number++) {
      SocketChannel channel = each.next();
      try {
        int read;
        do {
          heard.clear();
          read = channel.read(heard);
        } while (read > 0);
        // A connection of HTTP that has said nothing yet may take a minute: each says something.
        boolean talks = number % 2 == 0 || (sent == 1 && door.tongue() == Door.Tongue.HTTP);
        if (isTime && read == 0 && talks) {
          channel.write(ByteBuffer.wrap(beginning, (sent - 1) % beginning.length, 1));
        }
        if (read >= 0) {
          continue;
        }
      } catch (IOException e) {
        // Dropped, without a word.
      }
      each.remove();
      dropped++;
      close(channel);
    }
  }

  int open() {
    return open.size();
  }

  private static void close(SocketChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() {
    open.forEach(SlowLoris::close);
    open.clear();
  }

  @Override
  public String toString() {
    return door + ": " + dropped + " dropped, " + open.size() + " open";
  }
}
