package dev.trellis.node.control;

import java.io.IOException;

/// A node answered that it does not carry out an order; the message says why.
public final class OrderRefusedException extends IOException {
  private static final long serialVersionUID = 1L;

  OrderRefusedException(String message) {
    super(message);
  }
}
