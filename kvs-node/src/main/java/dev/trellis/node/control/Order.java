package dev.trellis.node.control;

import dev.trellis.lattice.Payload;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/// What a client wants a node to do, and what it is answered.
///
/// @param word `status`, `leave`, `declare-gone`, `fault-tolerance`, `backup`, `backup-status` or
///   `restore`
/// @param argument empty if the word needs none
record Order(String word, String argument) {
  /// @param accepted whether the order is carried out
  /// @param text what was asked for, or why it is refused
  record Answer(boolean accepted, String text) {
    Payload encode() {
      byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
      byte[] bytes = new byte[utf8.length + 1];
      bytes[0] = (byte) (accepted ? 1 : 0);
      System.arraycopy(utf8, 0, bytes, 1, utf8.length);
      return Payload.of(bytes);
    }

    static Answer decode(Payload answer) throws MalformedMessageException {
      byte[] body = answer.toBytes();
      if (body.length == 0) {
        throw new MalformedMessageException("an empty answer");
      }
      return new Answer(body[0] != 0, new String(body, 1, body.length - 1, StandardCharsets.UTF_8));
    }
  }

  Payload encode() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeUTF(word);
      out.writeUTF(argument);
    } catch (IOException e) {
      throw new UncheckedIOException("an order does not fit", e);
    }
    return Payload.of(bytes.toByteArray());
  }

  static Order decode(Payload body) throws MalformedMessageException {
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(body.toBytes()))) {
      return new Order(in.readUTF(), in.readUTF());
    } catch (IOException e) {
      throw new MalformedMessageException("an order that ends too early", e);
    }
  }
}
