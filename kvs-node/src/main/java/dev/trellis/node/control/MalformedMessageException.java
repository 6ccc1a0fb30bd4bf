package dev.trellis.node.control;

import java.io.IOException;

/// What came on the control port is none of the messages that nodes send.
final class MalformedMessageException extends IOException {
  private static final long serialVersionUID = 1L;

  MalformedMessageException(String message) {
    super(message);
  }

  MalformedMessageException(String message, Throwable cause) {
    super(message, cause);
  }
}
