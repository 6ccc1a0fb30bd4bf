package dev.trellis.integration;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.Limits;
import dev.trellis.wire.WireException;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/// A blocking socket to a data port that sends what it is told to, right or not.
final class RudeClient implements AutoCloseable {
  private static final int PATIENCE_MILLIS = 60_000;

  private final Socket socket;
  private final DataInputStream in;
  private final OutputStream out;
  private final FrameCodec codec = new FrameCodec(Limits.DEFAULT);

  /// A connection that has said nothing.
  RudeClient(int port) throws IOException {
    this(new Socket(InetAddress.getLoopbackAddress(), port));
  }

  RudeClient(Socket socket) throws IOException {
    this.socket = socket;
    socket.setSoTimeout(PATIENCE_MILLIS);
    in = new DataInputStream(socket.getInputStream());
    out = socket.getOutputStream();
  }

  static Frame.Hello hello(String cluster, Payload credentials, String agent) {
    return new Frame.Hello(
        Frame.PROTOCOL_VERSION,
        Frame.PROTOCOL_VERSION,
        cluster,
        7,
        Frame.Scope.NODE,
        credentials,
        agent);
  }

  /// A connection that is welcome.
  static RudeClient welcome(int port) throws IOException {
    RudeClient client = new RudeClient(port);
    client.send(hello("", Payload.EMPTY, "rude"));
    if (!(client.receive() instanceof Frame.Welcome)) {
      throw new AssertionError("not welcome at port " + port);
    }
    return client;
  }

  void send(Frame frame) throws IOException {
    sendBytes(HostileBytes.framed(FrameCodec.encode(frame)));
  }

  void sendBytes(byte[] bytes) throws IOException {
    try {
      out.write(bytes);
      out.flush();
    } catch (SocketException e) {
      // It has hung up already; what it said is still to be read.
    }
  }

  Frame receive() throws IOException {
    byte[] message = new byte[in.readInt()];
    in.readFully(message);
    try {
      return codec.decode(ByteBuffer.wrap(message));
    } catch (WireException e) {
      throw new AssertionError("that is no frame", e);
    }
  }

  /// All that comes until the other side hangs up, which it must.
  List<Frame> rest() throws IOException {
    List<Frame> frames = new ArrayList<>();
    try {
      while (true) {
        frames.add(receive());
      }
    } catch (EOFException | SocketException e) {
      return frames;
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
