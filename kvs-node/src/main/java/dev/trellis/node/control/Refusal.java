package dev.trellis.node.control;

import dev.trellis.lattice.Payload;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;

/// Why a node is not taken as a member.
///
/// @param incarnation that is meant
/// @param text names both sides and what would be right
record Refusal(Reason reason, long incarnation, String text) {
  enum Reason {
    CLUSTER(1),
    VERSION(2),
    CLOCK(3),
    DUPLICATE(4),
    GONE(5),
    /// Its clock was behind when its message came: that is wrong, or the message was long on its
    /// way.
    LATE(6);

    private final int number;

    Reason(int number) {
      this.number = number;
    }
  }

  /// Whether the refused node is at fault, and not only a slow network or machine: a clock that is
  /// behind is also behind the one that the refusal brings, which can only have lost on its way.
  ///
  /// @param aheadMillis the refusing node's clock, as the refusal came with it, less the refused
  ///   one's
  /// @param skewMaxMillis that is tolerated
  boolean isProven(long aheadMillis, long skewMaxMillis) {
    return reason != Reason.LATE || aheadMillis > skewMaxMillis;
  }

  Payload encode() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeByte(reason.number);
      out.writeLong(incarnation);
      out.writeUTF(text);
    } catch (IOException e) {
      throw new UncheckedIOException("a refusal does not fit", e);
    }
    return Payload.of(bytes.toByteArray());
  }

  static Refusal decode(Payload body) throws MalformedMessageException {
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(body.toBytes()))) {
      int number = in.readByte();
      long incarnation = in.readLong();
      String text = in.readUTF();
      for (Reason reason : Reason.values()) {
        if (reason.number == number) {
          return new Refusal(reason, incarnation, text);
        }
      }
      throw new MalformedMessageException("a refusal for unknown reason " + number);
    } catch (MalformedMessageException e) {
      throw e;
    } catch (IOException e) {
      throw new MalformedMessageException("a refusal that ends too early", e);
    }
  }
}
