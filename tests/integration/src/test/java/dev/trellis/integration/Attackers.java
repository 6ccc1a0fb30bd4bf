package dev.trellis.integration;

import dev.trellis.wire.Peer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.SSLSocketFactory;

/// Several that send [HostileBytes] to all doors, each connection another volley.
final class Attackers {
  private static final int THREADS = 8;
  private static final int PATIENCE_MILLIS = 30_000;

  /// After how many requests to tell how it goes.
  private static final long REPORT = 50_000;

  private final List<Door> doors;
  private final List<Peer> replicas;
  private final String key;
  private final Optional<SSLSocketFactory> tls;
  private final long seed;
  private final AtomicLong requests = new AtomicLong();
  private final AtomicLong connections = new AtomicLong();
  private final AtomicLong answeredBytes = new AtomicLong();
  private final AtomicLong refused = new AtomicLong();
  private final Queue<String> stuck = new ConcurrentLinkedQueue<>();

  /// @param replicas of the cluster, see [HostileBytes]
  /// @param key likewise
  /// @param tls with which every other connection is encrypted, where that may be; may be empty
  Attackers(
      List<Door> doors,
      List<Peer> replicas,
      String key,
      Optional<SSLSocketFactory> tls,
      long seed) {
    this.doors = doors;
    this.replicas = replicas;
    this.key = key;
    this.tls = tls;
    this.seed = seed;
  }

  /// Returns once so many requests were sent.
  void send(long count) {
    try (ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
      List<CompletableFuture<Void>> attacks = new ArrayList<>();
      for (int number = 0; number < THREADS; number++) {
        int which = number;
        attacks.add(CompletableFuture.runAsync(() -> attack(which, count), threads));
      }
      attacks.forEach(CompletableFuture::join);
    }
  }

  private void attack(int number, long count) {
    HostileBytes bytes = new HostileBytes(seed * THREADS + number, replicas, key);
    SplittableRandom random = new SplittableRandom(seed * THREADS - number - 1);
    while (requests.get() < count) {
      Door door = doors.get(random.nextInt(doors.size()));
      HostileBytes.Volley volley = bytes.next(door.tongue());
      boolean waits = random.nextInt(3) > 0;
      boolean encrypts =
          tls.isPresent() && door.tongue() != Door.Tongue.ZMTP && random.nextBoolean();
      connections.incrementAndGet();
      long before = requests.getAndAdd(volley.requests());
      if (before / REPORT < (before + volley.requests()) / REPORT) {
        System.out.println(this);
      }
      try {
        fire(door, volley.bytes().toBytes(), waits, encrypts);
      } catch (SocketTimeoutException e) {
        stuck.add(door + " has neither answered nor hung up");
      } catch (IOException e) {
        refused.incrementAndGet(); // hung up upon in the middle
      }
    }
  }

  /// @param waits whether to say that this was all, and to read until the other side has said all;
  ///   else the connection is torn down
  private void fire(Door door, byte[] bytes, boolean waits, boolean encrypts) throws IOException {
    InetAddress host = InetAddress.getLoopbackAddress();
    try (Socket plain = new Socket()) {
      plain.setSoTimeout(PATIENCE_MILLIS);
      plain.setSoLinger(true, 0);
      plain.connect(new InetSocketAddress(host, door.port()), PATIENCE_MILLIS);
      Socket socket =
          encrypts
              ? tls.orElseThrow().createSocket(plain, host.getHostAddress(), door.port(), false)
              : plain;
      socket.getOutputStream().write(bytes);
      if (waits) {
        socket.shutdownOutput();
        InputStream in = socket.getInputStream();
        byte[] some = new byte[8_192];
        for (int read = in.read(some); read >= 0; read = in.read(some)) {
          answeredBytes.addAndGet(read);
        }
      }
    }
  }

  long requests() {
    return requests.get();
  }

  /// Doors that did not let go of somebody who had said that he was done.
  List<String> stuck() {
    return List.copyOf(stuck);
  }

  @Override
  public String toString() {
    return requests
        + " requests over "
        + connections
        + " connections, "
        + refused
        + " of them cut off, "
        + (answeredBytes.get() >> 10)
        + " KiB of answers, seed "
        + seed;
  }
}
