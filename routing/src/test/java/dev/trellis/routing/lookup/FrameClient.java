package dev.trellis.routing.lookup;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.Limits;
import dev.trellis.wire.WireException;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.Optional;
import javax.net.ssl.SSLContext;

/// A client that says just the frames it is told to.
final class FrameClient implements AutoCloseable {
  private final Socket socket;
  private final DataInputStream in;
  private final DataOutputStream out;
  private final FrameCodec codec = new FrameCodec(Limits.DEFAULT);

  FrameClient(InetSocketAddress address) {
    this(address, Optional.empty());
  }

  /// @param tls to speak it, with these
  FrameClient(InetSocketAddress address, Optional<SSLContext> tls) {
    try {
      socket =
          tls.isPresent()
              ? tls.get().getSocketFactory().createSocket(address.getAddress(), address.getPort())
              : new Socket(address.getAddress(), address.getPort());
      socket.setSoTimeout(20_000);
      in = new DataInputStream(socket.getInputStream());
      out = new DataOutputStream(socket.getOutputStream());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Frame.Hello hello(String clusterName) {
    return hello(clusterName, Payload.EMPTY);
  }

  static Frame.Hello hello(String clusterName, Payload credentials) {
    return new Frame.Hello(1, 1, clusterName, 5, Frame.Scope.SHARD, credentials, "test");
  }

  Frame ask(Frame frame) {
    send(frame);
    return receive();
  }

  void send(Frame frame) {
    byte[] bytes = FrameCodec.encode(frame);
    send(ByteBuffer.allocate(4 + bytes.length).putInt(bytes.length).put(bytes).array());
  }

  void send(byte[] bytes) {
    try {
      out.write(bytes);
      out.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  Frame receive() {
    try {
      return codec.decode(ByteBuffer.wrap(in.readNBytes(in.readInt())));
    } catch (IOException | WireException e) {
      throw new IllegalStateException(e);
    }
  }

  boolean isAtEnd() {
    try {
      return in.read() < 0;
    } catch (IOException e) {
      return true;
    }
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
