package dev.trellis.faults;

import dev.trellis.faults.Lab.Host;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import dev.trellis.wire.View;
import dev.trellis.wire.WireException;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Asks one node what it itself holds, over the data protocol: a client would ask whichever replica
/// it likes.
final class ReplicaReader {
  private static final Duration TIMEOUT = Duration.ofSeconds(10);
  private static final int BATCH = 500;

  private ReplicaReader() {}

  /// What the node answers for each key; keys that it holds no replica of are left out.
  ///
  /// @throws IOException if it does not answer, or cannot tell
  static Map<String, View> read(Host host, List<String> keys) throws IOException {
    Map<String, View> found = new LinkedHashMap<>();
    try (Socket socket = new Socket()) {
      int millis = (int) TIMEOUT.toMillis();
      socket.setSoTimeout(millis);
      socket.connect(new InetSocketAddress(host.address(), ServerPorts.data(host)), millis);
      DataInputStream in = new DataInputStream(socket.getInputStream());
      DataOutputStream out = new DataOutputStream(socket.getOutputStream());
      FrameCodec codec = new FrameCodec(Limits.DEFAULT);
      send(
          out,
          new Frame.Hello(
              Frame.PROTOCOL_VERSION,
              Frame.PROTOCOL_VERSION,
              "",
              new SecureRandom().nextLong(),
              Frame.Scope.NODE,
              Payload.EMPTY,
              "trellis-faults"));
      if (!(receive(in, codec) instanceof Frame.Welcome)) {
        throw new IOException(host.name() + " does not welcome a client");
      }
      for (int from = 0; from < keys.size(); from += BATCH) {
        List<String> some = keys.subList(from, Math.min(keys.size(), from + BATCH));
        List<Request> requests = new ArrayList<>();
        for (int at = 0; at < some.size(); at++) {
          requests.add(
              new Request(at, Payload.ofText(some.get(at)), Read.Get.ANY, RequestContext.READ));
        }
        send(out, new Frame.Batch(requests));
        for (Reply reply : replies(in, codec, some.size())) {
          take(host, some.get((int) reply.id()), reply, found);
        }
      }
    }
    return found;
  }

  private static void take(Host host, String key, Reply reply, Map<String, View> found)
      throws IOException {
    switch (reply.outcome()) {
      case Outcome.Done done -> found.put(key, done.view());
      case Outcome.Failed failed when failed.code() == ErrorCode.NOT_OWNER -> {}
      case Outcome.Failed failed ->
          throw new IOException(
              host.name() + " cannot read " + key + ": " + failed.code() + ", " + failed.message());
    }
  }

  private static List<Reply> replies(DataInputStream in, FrameCodec codec, int count)
      throws IOException {
    List<Reply> replies = new ArrayList<>();
    while (replies.size() < count) {
      switch (receive(in, codec)) {
        case Frame.Answer answer -> replies.add(answer.reply());
        case Frame.Answers answers -> replies.addAll(answers.replies());
        case Frame.Refused refused -> throw new IOException("refused: " + refused.message());
        case Frame other -> throw new IOException("an answer was expected, not " + other);
      }
    }
    return replies;
  }

  private static void send(DataOutputStream out, Frame frame) throws IOException {
    byte[] message = FrameCodec.encode(frame);
    out.writeInt(message.length);
    out.write(message);
    out.flush();
  }

  private static Frame receive(DataInputStream in, FrameCodec codec) throws IOException {
    byte[] message = new byte[in.readInt()];
    in.readFully(message);
    try {
      return codec.decode(ByteBuffer.wrap(message));
    } catch (WireException e) {
      throw new IOException("what came is no message", e);
    }
  }
}
