package dev.trellis.node.net;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import dev.trellis.wire.View;
import dev.trellis.wire.WireException;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;

/// A client without mercy or manners: a blocking socket that sends whatever it is told to. Reads
/// fail after a minute, which only a defect makes them wait for.
public final class RawClient implements AutoCloseable {
  private static final int PATIENCE_MILLIS = 60_000;
  private static final AtomicReference<HybridTimestamp> LAST_WRITE =
      new AtomicReference<>(HybridTimestamp.ZERO);

  private final Socket socket;
  private final DataInputStream in;
  private final DataOutputStream out;
  private final FrameCodec codec = new FrameCodec(Limits.DEFAULT);
  private final List<Frame> early = new ArrayList<>(); // came while something else was awaited
  private long nextId = 1;

  /// @param receiveBytes size of the socket's receive buffer; 0 for the system's
  private RawClient(int port, int receiveBytes) throws IOException {
    this(connected(port, receiveBytes));
  }

  private static Socket connected(int port, int receiveBytes) throws IOException {
    Socket socket = new Socket();
    if (receiveBytes > 0) {
      socket.setReceiveBufferSize(receiveBytes);
    }
    socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), PATIENCE_MILLIS);
    return socket;
  }

  private RawClient(Socket socket) throws IOException {
    this.socket = socket;
    socket.setSoTimeout(PATIENCE_MILLIS);
    socket.setTcpNoDelay(true);
    in = new DataInputStream(socket.getInputStream());
    out = new DataOutputStream(socket.getOutputStream());
  }

  /// A connection that was made by somebody else.
  public static RawClient on(Socket socket) throws IOException {
    return new RawClient(socket);
  }

  /// A connection that has said nothing.
  public static RawClient silent(int port) throws IOException {
    return new RawClient(port, 0);
  }

  /// A connection that may ask.
  public static RawClient open(int port, Frame.Scope scope) throws IOException {
    return greeted(new RawClient(port, 0), scope);
  }

  /// A connection with little room for what comes.
  public static RawClient narrow(int port, Frame.Scope scope) throws IOException {
    return greeted(new RawClient(port, 128 << 10), scope);
  }

  private static RawClient greeted(RawClient client, Frame.Scope scope) throws IOException {
    client.send(hello(scope));
    if (!(client.receive() instanceof Frame.Welcome)) {
      throw new AssertionError("not welcome");
    }
    return client;
  }

  public static Frame.Hello hello(Frame.Scope scope) {
    return new Frame.Hello(
        Frame.PROTOCOL_VERSION, Frame.PROTOCOL_VERSION, "", 7, scope, Payload.EMPTY, "test");
  }

  public Socket socket() {
    return socket;
  }

  /// Sends a frame at once.
  public void send(Frame frame) throws IOException {
    sendMessage(FrameCodec.encode(frame));
  }

  /// Sends bytes with their length in front.
  public void sendMessage(byte[] message) throws IOException {
    sendBytes(ByteBuffer.allocate(4 + message.length).putInt(message.length).put(message).array());
  }

  /// Sends bytes as they are.
  public void sendBytes(byte[] bytes) throws IOException {
    out.write(bytes);
    out.flush();
  }

  /// The next frame.
  ///
  /// @throws EOFException if the node has closed the connection
  public Frame receive() throws IOException {
    if (!early.isEmpty()) {
      return early.removeFirst();
    }
    byte[] message = new byte[in.readInt()];
    in.readFully(message);
    try {
      return codec.decode(ByteBuffer.wrap(message));
    } catch (WireException e) {
      throw new AssertionError("the node sent what is no message", e);
    }
  }

  /// The next frame of a class; others are kept for [#receive].
  public <F extends Frame> F receive(Class<F> wanted) throws IOException {
    List<Frame> others = new ArrayList<>();
    Frame frame = receive();
    while (!wanted.isInstance(frame)) {
      others.add(frame);
      frame = receive();
    }
    early.addAll(0, others);
    return wanted.cast(frame);
  }

  /// As many replies as asked for, in whatever packs they come.
  public List<Reply> replies(int count) throws IOException {
    List<Reply> replies = new ArrayList<>();
    while (replies.size() < count) {
      Frame frame = receive();
      switch (frame) {
        case Frame.Answer answer -> replies.add(answer.reply());
        case Frame.Answers answers -> replies.addAll(answers.replies());
        default -> throw new AssertionError("expected replies, got " + frame);
      }
    }
    return replies;
  }

  /// Reads to the end, which must come.
  ///
  /// @return the refusal that came before it, if one did
  public Optional<Frame.Refused> refusal() throws IOException {
    Optional<Frame.Refused> refusal = Optional.empty();
    try {
      while (true) {
        if (receive() instanceof Frame.Refused refused) {
          refusal = Optional.of(refused);
        }
      }
    } catch (EOFException e) {
      return refusal;
    }
  }

  /// Asks and waits for the answer.
  public Reply ask(Request request) throws IOException {
    send(new Frame.Single(request));
    return replies(1).getFirst();
  }

  public Reply put(String key, Payload value) throws IOException {
    return ask(put(nextId++, key, value));
  }

  public View get(String key) throws IOException {
    Outcome outcome = ask(get(nextId++, key)).outcome();
    return outcome instanceof Outcome.Done done ? done.view() : failure(outcome);
  }

  private static View failure(Outcome outcome) {
    throw new AssertionError("refused: " + outcome);
  }

  public static Request put(long id, String key, Payload value) {
    return new Request(
        id, Payload.ofText(key), new Mutation.Put(value), RequestContext.mutation(0, now()));
  }

  /// The time of a write; later than all before, so that of two writes the second prevails, however
  /// soon it comes.
  static HybridTimestamp now() {
    HybridTimestamp now = HybridTimestamp.ofMillis(System.currentTimeMillis());
    return LAST_WRITE.updateAndGet(last -> last.next().max(now));
  }

  public static Request get(long id, String key) {
    return new Request(id, Payload.ofText(key), Read.Get.ANY, RequestContext.READ);
  }

  public static Optional<ErrorCode> code(Reply reply) {
    return reply.outcome() instanceof Outcome.Failed failed
        ? Optional.of(failed.code())
        : Optional.empty();
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
