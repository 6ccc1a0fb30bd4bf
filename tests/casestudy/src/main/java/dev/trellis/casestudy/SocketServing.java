package dev.trellis.casestudy;

import dev.trellis.lattice.Payload;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;

/// A thread that has the model in its memory, behind a bare socket of JeroMQ: request and reply
/// over TCP, and nothing else. What others are held against.
final class SocketServing implements Serving {
  static final String NAME = "bare JeroMQ socket";
  private static final int PATIENCE_MILLIS = 30_000;

  private final ZContext context = new ZContext();
  private final Classifier classifier = new Classifier();
  private final ZMQ.Socket requests;
  private final Thread server;

  SocketServing(Payload model) {
    ZMQ.Socket replies = context.createSocket(SocketType.REP);
    int port = replies.bindToRandomPort("tcp://127.0.0.1");
    requests = context.createSocket(SocketType.REQ);
    requests.setReceiveTimeOut(PATIENCE_MILLIS);
    requests.connect("tcp://127.0.0.1:" + port);
    server = Thread.ofPlatform().name("classifier-socket").start(() -> answer(replies, model));
  }

  /// An empty request ends it: sockets are closed by the thread that uses them.
  private void answer(ZMQ.Socket replies, Payload model) {
    try (replies) {
      for (byte[] batch = replies.recv(); batch.length > 0; batch = replies.recv()) {
        replies.send(classifier.clean(model, Payload.of(batch)).toBytes());
      }
    }
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Payload serve(Payload batch) {
    requests.send(batch.toBytes());
    byte[] cleaned = requests.recv();
    if (cleaned == null) {
      throw new IllegalStateException("nothing came back within " + PATIENCE_MILLIS + " ms");
    }
    return Payload.of(cleaned);
  }

  @Override
  public Classifier classifier() {
    return classifier;
  }

  @Override
  public void close() {
    requests.send(new byte[0]);
    try {
      server.join(PATIENCE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    context.close();
  }
}
