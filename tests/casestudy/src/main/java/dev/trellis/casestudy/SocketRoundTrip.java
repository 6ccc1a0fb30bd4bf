package dev.trellis.casestudy;

import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;

/// A request and its reply between two JeroMQ sockets over TCP, each with a context and an I/O
/// thread of its own: what the paper holds everything else against.
final class SocketRoundTrip implements RoundTrip {
  private static final int PATIENCE_MILLIS = 30_000;

  private final ZContext calleeContext = new ZContext();
  private final ZContext callerContext = new ZContext();
  private final ZMQ.Socket caller;
  private final Thread callee;
  private final byte[] message;

  SocketRoundTrip(int bytes) {
    message = new byte[bytes];
    ZMQ.Socket replies = calleeContext.createSocket(SocketType.REP);
    int port = replies.bindToRandomPort("tcp://127.0.0.1");
    callee =
        Thread.ofPlatform()
            .daemon()
            .name("jeromq-callee")
            .start(
                () -> {
                  byte[] request = replies.recv();
                  while (request.length > 0) { // an empty one ends it
                    replies.send(request);
                    request = replies.recv();
                  }
                });
    caller = callerContext.createSocket(SocketType.REQ);
    caller.setReceiveTimeOut(PATIENCE_MILLIS);
    caller.connect("tcp://127.0.0.1:" + port);
  }

  @Override
  public String name() {
    return "jeromq";
  }

  @Override
  public void run() {
    caller.send(message);
    if (caller.recv() == null) {
      throw new IllegalStateException("no reply over JeroMQ within " + PATIENCE_MILLIS + " ms");
    }
  }

  @Override
  public void close() {
    // A context must not be closed under a thread that receives.
    caller.send(new byte[0]);
    try {
      callee.join(PATIENCE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    callerContext.close();
    calleeContext.close();
  }
}
