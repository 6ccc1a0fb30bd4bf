package dev.trellis.node.control;

import dev.trellis.lattice.Payload;
import dev.trellis.node.membership.Incarnation;
import dev.trellis.wire.Frame;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.Optional;

/// What every message of the control plane starts with: who sends it, in which cluster, and what
/// time it is there. This part is the same in all versions, so that whoever cannot be understood
/// can still be told why.
///
/// @param version of the protocol that the sender speaks, 0 to 255
/// @param cluster its name
/// @param sender empty id for a client that gives orders
/// @param address host and port of the sender's control port; empty for a client
/// @param clockMillis the sender's time
record Envelope(
    int version,
    Kind kind,
    String cluster,
    Incarnation sender,
    String address,
    long clockMillis,
    Payload body) {
  /// The version that this build speaks. The one before it is served too.
  static final int VERSION = Frame.PROTOCOL_VERSION;

  /// No message is longer.
  static final int BYTES_MAX = 2 << 20;

  private static final int MAGIC = 0x7C54; // what other protocols do not start with

  /// What a message is about.
  enum Kind {
    /// For ScaleCube.
    CLUSTER(1),
    /// A sign of life.
    PING(2),
    /// Tells a node that it is not taken as a member, and why.
    REFUSAL(3),
    /// The sender has left for good.
    FAREWELL(4),
    /// A client's order.
    ORDER(5),
    /// The answer to an order.
    ANSWER(6);

    private final int number;

    Kind(int number) {
      this.number = number;
    }

    static Optional<Kind> ofNumber(int number) {
      return Arrays.stream(values()).filter(kind -> kind.number == number).findFirst();
    }
  }

  Payload encode() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(96 + body.size());
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeShort(MAGIC);
      out.writeByte(version);
      out.writeByte(kind.number);
      out.writeUTF(cluster);
      out.writeUTF(sender.nodeId());
      out.writeLong(sender.number());
      out.writeUTF(address);
      out.writeLong(clockMillis);
      out.write(body.toBytes());
    } catch (IOException e) {
      throw new UncheckedIOException("a message does not fit", e);
    }
    return Payload.of(bytes.toByteArray());
  }

  static Envelope decode(Payload message) throws MalformedMessageException {
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(message.toBytes()))) {
      if (in.readUnsignedShort() != MAGIC) {
        throw new MalformedMessageException("a message of another protocol");
      }
      int version = in.readUnsignedByte();
      int number = in.readUnsignedByte();
      Optional<Kind> kind = Kind.ofNumber(number);
      if (kind.isEmpty()) {
        throw new MalformedMessageException("a message of unknown kind " + number);
      }
      return new Envelope(
          version,
          kind.get(),
          in.readUTF(),
          new Incarnation(in.readUTF(), in.readLong()),
          in.readUTF(),
          in.readLong(),
          Payload.of(in.readAllBytes()));
    } catch (MalformedMessageException e) {
      throw e;
    } catch (IOException e) {
      throw new MalformedMessageException("a message that ends too early or is no text", e);
    }
  }
}
