package dev.trellis.casestudy;

import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;
import org.zeromq.ZMQException;

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
                  try {
                    byte[] request = replies.recv();
                    while (request != null) {
                      replies.send(request);
                      request = replies.recv();
                    }
                  } catch (ZMQException e) {
                    // Its context was closed, which ends it.
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
    callerContext.close();
    calleeContext.close();
    try {
      callee.join(PATIENCE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
