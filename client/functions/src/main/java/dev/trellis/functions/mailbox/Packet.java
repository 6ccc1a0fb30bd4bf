package dev.trellis.functions.mailbox;

import dev.trellis.causal.Dot;
import dev.trellis.causal.ReplicaId;
import dev.trellis.lattice.Payload;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/// What one record of a mailbox carries: messages of one sender, in his order.
///
/// Form: a byte 1 (version), a byte of flags (1: `after` follows, as 3 × 8 bytes), then each
/// message as its length and its bytes. A message: a byte of flags (lowest two bits: 0 notice, 1
/// question, 2 answer, 3 answer that failed; 4: has a sender; 8: has headers); of a question the
/// mailbox for the answer; of both 8 bytes of correlation; sender; count of headers, names and
/// values; the rest is the body. Lengths and counts are varints (7 bits a byte, least first); texts
/// are a length and UTF-8.
///
/// @param after the last one that the sender has sent under another name; empty if there was none
record Packet(Optional<Dot> after, List<Message> messages) {
  private static final int VERSION = 1;
  private static final int HAS_AFTER = 1;

  private static final int NOTICE = 0;
  private static final int QUESTION = 1;
  private static final int ANSWER = 2;
  private static final int FAILED = 3;
  private static final int PURPOSE_BITS = 3;
  private static final int HAS_FROM = 4;
  private static final int HAS_HEADERS = 8;

  private static final int LENGTH_BITS_MAX = 28;

  Packet {
    messages = List.copyOf(messages);
  }

  /// Bytes that can't be a packet.
  static final class MalformedException extends Exception {
    private static final long serialVersionUID = 1L;

    MalformedException(String message) {
      super(message);
    }
  }

  /// One message as it stands in a packet, its length before it.
  static Payload encode(Message message) {
    ByteArrayOutputStream rest = new ByteArrayOutputStream(message.body().size() + 32);
    int flags =
        switch (message.purpose()) {
          case Message.Purpose.Notice notice -> NOTICE;
          case Message.Purpose.Question question -> QUESTION;
          case Message.Purpose.Answer answer -> answer.failed() ? FAILED : ANSWER;
        };
    flags |= message.from().isPresent() ? HAS_FROM : 0;
    flags |= message.headers().isEmpty() ? 0 : HAS_HEADERS;
    rest.write(flags);
    switch (message.purpose()) {
      case Message.Purpose.Notice notice -> {}
      case Message.Purpose.Question question -> {
        writeText(rest, question.replyTo());
        writeLong(rest, question.correlation());
      }
      case Message.Purpose.Answer answer -> writeLong(rest, answer.correlation());
    }
    message.from().ifPresent(from -> writeText(rest, from));
    if (!message.headers().isEmpty()) {
      int before = rest.size();
      writeVarint(rest, message.headers().size());
      message
          .headers()
          .forEach(
              (name, value) -> {
                writeText(rest, name);
                writeText(rest, value);
              });
      if (rest.size() - before > Message.HEADER_BYTES_MAX) {
        throw new IllegalArgumentException(
            "headers of "
                + (rest.size() - before)
                + " bytes; the limit is "
                + Message.HEADER_BYTES_MAX);
      }
    }
    rest.writeBytes(message.body().toBytes());
    ByteArrayOutputStream out = new ByteArrayOutputStream(rest.size() + 4);
    writeVarint(out, rest.size());
    out.writeBytes(rest.toByteArray());
    return Payload.of(out.toByteArray());
  }

  /// The record of messages that were encoded before.
  static Payload join(Optional<Dot> after, List<Payload> encoded) {
    int bytes = encoded.stream().mapToInt(Payload::size).sum();
    ByteArrayOutputStream out = new ByteArrayOutputStream(32);
    out.write(VERSION);
    out.write(after.isPresent() ? HAS_AFTER : 0);
    after.ifPresent(
        dot -> {
          writeLong(out, dot.replica().incarnation());
          writeLong(out, dot.replica().birth());
          writeLong(out, dot.counter());
        });
    byte[] head = out.toByteArray();
    byte[] record = Arrays.copyOf(head, head.length + bytes);
    int at = head.length;
    for (Payload message : encoded) {
      message.copyTo(record, at);
      at += message.size();
    }
    return Payload.of(record);
  }

  /// @throws MalformedException with what is wrong
  static Packet decode(Payload record) throws MalformedException {
    ByteBuffer in = record.asByteBuffer();
    if (in.remaining() < 2) {
      throw new MalformedException("a record of " + in.remaining() + " bytes is no packet");
    }
    int version = in.get();
    if (version != VERSION) {
      throw new MalformedException(
          "packet version " + version + " is not known here; this is of version " + VERSION);
    }
    int flags = in.get();
    if ((flags & ~HAS_AFTER) != 0) {
      throw new MalformedException("packet flags " + flags + " are not known here");
    }
    Optional<Dot> after = Optional.empty();
    if ((flags & HAS_AFTER) != 0) {
      ReplicaId replica = new ReplicaId(readLong(in), readLong(in));
      long counter = readLong(in);
      if (counter < 1) {
        throw new MalformedException("a predecessor with counter " + counter);
      }
      after = Optional.of(new Dot(replica, counter));
    }
    List<Message> messages = new ArrayList<>();
    while (in.hasRemaining()) {
      int length = readLength(in);
      messages.add(decodeMessage(in.slice(in.position(), length)));
      in.position(in.position() + length);
    }
    if (messages.isEmpty()) {
      throw new MalformedException("a packet without messages");
    }
    return new Packet(after, messages);
  }

  private static Message decodeMessage(ByteBuffer in) throws MalformedException {
    if (!in.hasRemaining()) {
      throw new MalformedException("a message of 0 bytes");
    }
    int flags = in.get();
    if ((flags & ~(PURPOSE_BITS | HAS_FROM | HAS_HEADERS)) != 0) {
      throw new MalformedException("message flags " + flags + " are not known here");
    }
    try {
      Message.Purpose purpose =
          switch (flags & PURPOSE_BITS) {
            case NOTICE -> new Message.Purpose.Notice();
            case QUESTION -> new Message.Purpose.Question(readText(in), readLong(in));
            case ANSWER -> new Message.Purpose.Answer(readLong(in), false);
            default -> new Message.Purpose.Answer(readLong(in), true);
          };
      Optional<String> from =
          (flags & HAS_FROM) != 0 ? Optional.of(readText(in)) : Optional.empty();
      SortedMap<String, String> headers = new TreeMap<>();
      if ((flags & HAS_HEADERS) != 0) {
        for (int left = readVarint(in); left > 0; left--) {
          headers.put(readText(in), readText(in));
        }
      }
      return new Message(Payload.of(in), purpose, from, headers);
    } catch (IllegalArgumentException e) {
      throw new MalformedException(String.valueOf(e.getMessage()));
    }
  }

  /// About how many bytes it keeps in memory.
  long weight() {
    long sum = 0;
    for (Message message : messages) {
      sum += 100L + message.body().size();
      for (Map.Entry<String, String> header : message.headers().entrySet()) {
        sum += 100L + 2L * (header.getKey().length() + header.getValue().length());
      }
    }
    return sum;
  }

  private static void writeVarint(ByteArrayOutputStream out, int value) {
    int rest = value;
    while (rest > 0x7f) {
      out.write((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    out.write(rest);
  }

  private static void writeLong(ByteArrayOutputStream out, long value) {
    out.writeBytes(ByteBuffer.allocate(Long.BYTES).putLong(value).array());
  }

  private static void writeText(ByteArrayOutputStream out, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    writeVarint(out, bytes.length);
    out.writeBytes(bytes);
  }

  private static int readVarint(ByteBuffer in) throws MalformedException {
    int value = 0;
    for (int shift = 0; shift < LENGTH_BITS_MAX; shift += 7) {
      if (!in.hasRemaining()) {
        throw new MalformedException("the packet ends within a length");
      }
      int next = in.get();
      value |= (next & 0x7f) << shift;
      if (next >= 0) {
        return value;
      }
    }
    throw new MalformedException("a length of more than " + LENGTH_BITS_MAX + " bits");
  }

  private static int readLength(ByteBuffer in) throws MalformedException {
    int length = readVarint(in);
    if (length > in.remaining()) {
      throw new MalformedException(
          "the packet ends after " + in.remaining() + " of " + length + " bytes");
    }
    return length;
  }

  private static long readLong(ByteBuffer in) throws MalformedException {
    if (in.remaining() < Long.BYTES) {
      throw new MalformedException(
          "the packet ends after " + in.remaining() + " of " + Long.BYTES + " bytes");
    }
    return in.getLong();
  }

  private static String readText(ByteBuffer in) throws MalformedException {
    int length = readLength(in);
    ByteBuffer bytes = in.slice(in.position(), length);
    in.position(in.position() + length);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
    } catch (CharacterCodingException e) {
      throw new MalformedException("a text that is not UTF-8");
    }
  }
}
