package dev.trellis.process.http;

import io.netty.handler.codec.DecoderException;
import java.io.IOException;

/// Tells what the other side of a connection brought about from what is a defect of ours.
public final class PeerFaults {
  private PeerFaults() {}

  /// Whether somebody who goes, or who does not know how to speak TLS, can bring this about: no
  /// reason to write a line into a log for each.
  public static boolean isOfPeer(Throwable cause) {
    return cause instanceof IOException
        || (cause instanceof DecoderException && cause.getCause() instanceof IOException);
  }
}
