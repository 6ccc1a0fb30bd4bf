package dev.trellis.client;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.View;
import dev.trellis.wire.WireException;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/// A one-shard node that answers as a test tells it to, over the real codec and real sockets. What
/// it receives goes to [#requests] and [#frames]; by default it answers every request with success.
final class FakeNode implements AutoCloseable {
  /// How long tests wait for what must happen; only a failure takes that long.
  static final long WAIT_SECONDS = 30;

  /// A request, and the connection to answer it on.
  record Received(Peer peer, Request request) {
    void answer(Outcome outcome) throws IOException {
      peer.send(new Frame.Answer(reply(request.id(), outcome)));
    }

    void answerDone() throws IOException {
      View view =
          request.operation() instanceof Mutation.Increment
              ? new View.Whole(1)
              : new View.Nothing();
      answer(new Outcome.Done(view, 1, false));
    }

    void refuse(ErrorCode code) throws IOException {
      answer(new Outcome.Failed(code, "as the test wants it"));
    }

    /// Answers with success, or any outcome, and what a reply says beside it.
    void answer(Outcome outcome, UnaryOperator<Reply> said) throws IOException {
      peer.send(new Frame.Answer(said.apply(reply(request.id(), outcome))));
    }
  }

  final BlockingQueue<Received> requests = new LinkedBlockingQueue<>();
  final BlockingQueue<Frame> frames = new LinkedBlockingQueue<>(); // all but map requests
  final List<Peer> peers = new CopyOnWriteArrayList<>(); // every connection there ever was
  final String id;
  volatile long incarnation = 1;
  volatile String clusterName = "test";
  volatile int faultTolerance; // told in maps
  volatile Limits limits = Limits.DEFAULT;
  volatile String welcomedAs; // the node id it says it has
  volatile int shard; // the shard index it says it has
  volatile Function<Long, Frame> map = this::ownMap; // by request id
  volatile BiConsumer<Peer, Frame.Hello> greeting = (peer, hello) -> peer.welcome();
  volatile ThrowingConsumer<Received> script = Received::answerDone;
  volatile boolean mute; // whether pings go unanswered
  volatile Peer asker; // where the last frame came from that is neither greeting nor map request
  volatile Throwable unexpected; // what went wrong on a thread of the node

  private final ServerSocket server;
  private final Thread accepting;

  interface ThrowingConsumer<T> {
    void accept(T value) throws Exception;
  }

  FakeNode(String id) throws IOException {
    this(id, 0);
  }

  FakeNode(String id, int port) throws IOException {
    this.id = id;
    this.welcomedAs = id;
    server = new ServerSocket(port, 1_000, InetAddress.getLoopbackAddress());
    accepting = Thread.ofVirtual().start(this::acceptAll);
  }

  /// How a client of fakes is configured: patient, since the machine may be busy.
  static ClientConfig config(String... addresses) {
    return ClientConfig.of(addresses)
        .withTimeout(Duration.ofSeconds(WAIT_SECONDS))
        .withConnectTimeout(Duration.ofSeconds(WAIT_SECONDS))
        .withEventLoopThreads(1);
  }

  String address() {
    return "127.0.0.1:" + port();
  }

  int port() {
    return server.getLocalPort();
  }

  NodeDescriptor descriptor() {
    return descriptor(id, port());
  }

  /// As a member of a cluster, not one that stands alone.
  NodeDescriptor member() {
    return new NodeDescriptor(
        id,
        NodeDescriptor.Tier.MEMORY,
        "127.0.0.1",
        List.of(port()),
        1,
        7,
        1,
        NodeDescriptor.State.ACTIVE,
        "",
        7500);
  }

  static NodeDescriptor descriptor(String id, Integer... ports) {
    return new NodeDescriptor(
        id,
        NodeDescriptor.Tier.MEMORY,
        "127.0.0.1",
        List.of(ports),
        1,
        7,
        1,
        NodeDescriptor.State.ACTIVE);
  }

  Frame ownMap(long id) {
    return new Frame.ClusterMap(id, 1, clusterName, faultTolerance, List.of(descriptor()));
  }

  /// Answers as a router would: with these nodes.
  void routeTo(NodeDescriptor... nodes) {
    List<NodeDescriptor> all = List.of(nodes);
    map = id -> new Frame.ClusterMap(id, all.hashCode() & 0xffff, clusterName, faultTolerance, all);
  }

  /// The next request, in the order they arrive.
  Received next() throws InterruptedException {
    Received received = requests.poll(WAIT_SECONDS, TimeUnit.SECONDS);
    if (received == null) {
      throw new AssertionError("no request arrived at " + id, unexpected);
    }
    return received;
  }

  /// The next frame of a type; others are dropped.
  <F extends Frame> F nextFrame(Class<F> type) throws InterruptedException {
    while (true) {
      Frame frame = frames.poll(WAIT_SECONDS, TimeUnit.SECONDS);
      if (frame == null) {
        throw new AssertionError("no " + type.getSimpleName() + " arrived at " + id, unexpected);
      }
      if (type.isInstance(frame)) {
        return type.cast(frame);
      }
    }
  }

  /// Breaks every connection, as a crash would; new ones are accepted.
  void dropConnections() {
    peers.forEach(Peer::drop);
  }

  static Reply reply(long id, Outcome outcome) {
    return reply(id, outcome, HybridTimestamp.ofMillis(System.currentTimeMillis()));
  }

  static Reply reply(long id, Outcome outcome, HybridTimestamp clock) {
    return new Reply(
        id,
        outcome,
        HybridTimestamp.ZERO,
        Optional.empty(),
        CausalContext.EMPTY,
        new Receipt(1, 0),
        clock,
        1);
  }

  @Override
  public void close() throws IOException {
    server.close();
    try {
      accepting.join(); // the port is free only then
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    dropConnections();
    if (unexpected != null) {
      throw new AssertionError("the fake node failed", unexpected);
    }
  }

  private void acceptAll() {
    try {
      while (true) {
        Peer peer = new Peer(server.accept());
        peers.add(peer);
        Thread.ofVirtual().start(peer::readAll);
      }
    } catch (IOException e) {
      // closed
    }
  }

  /// One connection.
  final class Peer {
    private final Socket socket;
    private final DataOutputStream out;
    volatile Frame.Hello hello;

    Peer(Socket socket) throws IOException {
      this.socket = socket;
      socket.setTcpNoDelay(true);
      out = new DataOutputStream(socket.getOutputStream());
    }

    void send(Frame frame) throws IOException {
      byte[] encoded = FrameCodec.encode(frame);
      ByteBuffer message = ByteBuffer.allocate(4 + encoded.length);
      sendRaw(message.putInt(encoded.length).put(encoded).array());
    }

    synchronized void sendRaw(byte[] bytes) throws IOException {
      out.write(bytes);
      out.flush();
    }

    void welcome() {
      try {
        send(
            new Frame.Welcome(
                1,
                clusterName,
                welcomedAs,
                shard,
                incarnation,
                HybridTimestamp.ofMillis(System.currentTimeMillis()),
                limits,
                1));
      } catch (IOException e) {
        drop();
      }
    }

    void drop() {
      try {
        socket.close();
      } catch (IOException e) {
        unexpected = e;
      }
    }

    private void readAll() {
      FrameCodec codec = new FrameCodec(Limits.DEFAULT);
      try (DataInputStream in = new DataInputStream(socket.getInputStream())) {
        while (true) {
          byte[] message = new byte[in.readInt()];
          in.readFully(message);
          handle(codec.decode(ByteBuffer.wrap(message)));
        }
      } catch (IOException e) {
        // the client, or the test, has closed it
      } catch (WireException | RuntimeException e) {
        unexpected = e;
        drop();
      }
    }

    private void handle(Frame frame) throws IOException {
      if (frame instanceof Frame.MapRequest request) {
        send(map.apply(request.id()));
        return;
      }
      if (!(frame instanceof Frame.Hello)) {
        asker = this;
      }
      frames.add(frame);
      List<Request> received = new ArrayList<>();
      switch (frame) {
        case Frame.Hello first -> {
          hello = first;
          greeting.accept(this, first);
        }
        case Frame.Single single -> received.add(single.request());
        case Frame.Batch batch -> received.addAll(batch.requests());
        case Frame.Ping ping -> {
          if (!mute) {
            send(new Frame.Pong(ping.id(), HybridTimestamp.ZERO));
          }
        }
        default -> {}
      }
      for (Request request : received) {
        Received one = new Received(this, request);
        // Read before the test is told of the request, and may set another script for the next.
        ThrowingConsumer<Received> current = script;
        requests.add(one);
        try {
          current.accept(one);
        } catch (IOException e) {
          throw e;
        } catch (Exception e) {
          throw new IllegalStateException(e);
        }
      }
    }
  }
}
