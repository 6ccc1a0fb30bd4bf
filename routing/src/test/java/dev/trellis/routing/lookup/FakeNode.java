package dev.trellis.routing.lookup;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.Limits;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.WireException;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/// A node that answers whom it sees, at first itself, and can be told to stop answering.
final class FakeNode implements AutoCloseable {
  private final ServerSocket listener;
  private final NodeDescriptor descriptor;
  private final String clusterName;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private final Thread accepting;
  private volatile boolean isSilent;
  private volatile List<NodeDescriptor> seen;

  FakeNode(String id, String clusterName, int port) {
    this.clusterName = clusterName;
    try {
      listener = new ServerSocket(port, 50, InetAddress.getLoopbackAddress());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    descriptor =
        new NodeDescriptor(
            id,
            NodeDescriptor.Tier.MEMORY,
            "127.0.0.1",
            List.of(listener.getLocalPort()),
            1,
            System.nanoTime(),
            1,
            NodeDescriptor.State.ACTIVE,
            "",
            7500);
    seen = List.of(descriptor);
    accepting = Thread.ofVirtual().start(this::accept);
  }

  Address address() {
    return new Address("127.0.0.1", listener.getLocalPort());
  }

  int port() {
    return listener.getLocalPort();
  }

  NodeDescriptor descriptor() {
    return descriptor;
  }

  /// From now on answers that these nodes are the cluster, beside itself.
  FakeNode seeing(FakeNode... others) {
    seen = Stream.concat(Stream.of(this), Arrays.stream(others)).map(FakeNode::descriptor).toList();
    return this;
  }

  /// From now on takes questions and gives no answers.
  void fallSilent() {
    isSilent = true;
  }

  private void accept() {
    try {
      while (true) {
        Socket socket = listener.accept();
        open.add(socket);
        Thread.ofVirtual().start(() -> serve(socket));
      }
    } catch (IOException e) {
      // closed
    }
  }

  private void serve(Socket socket) {
    try (socket) {
      DataInputStream in = new DataInputStream(socket.getInputStream());
      DataOutputStream out = new DataOutputStream(socket.getOutputStream());
      FrameCodec codec = new FrameCodec(Limits.DEFAULT);
      while (true) {
        Frame asked = codec.decode(ByteBuffer.wrap(in.readNBytes(in.readInt())));
        if (!isSilent) {
          byte[] answer = FrameCodec.encode(answer(asked));
          out.writeInt(answer.length);
          out.write(answer);
          out.flush();
        }
      }
    } catch (IOException | WireException e) {
      // the router has gone, or the test is over
    }
  }

  private Frame answer(Frame asked) {
    return switch (asked) {
      case Frame.Hello hello when !hello.clusterName().equals(clusterName) ->
          new Frame.Refused(
              dev.trellis.wire.ErrorCode.BAD_REQUEST, "this is cluster " + clusterName);
      case Frame.Hello _ ->
          new Frame.Welcome(
              1, clusterName, descriptor.id(), 0, 1, HybridTimestamp.ZERO, Limits.DEFAULT, 1);
      case Frame.MapRequest request -> new Frame.ClusterMap(request.id(), 1, clusterName, 2, seen);
      default -> throw new IllegalStateException("a router asked " + asked);
    };
  }

  @Override
  public void close() {
    try {
      listener.close();
      accepting.join(); // only then is the port free again
      for (Socket socket : open) {
        socket.close();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
