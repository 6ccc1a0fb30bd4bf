package dev.trellis.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import dev.trellis.testing.Seeds;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class PlainRepliesTest {
  private static final FrameCodec CODEC = new FrameCodec(Limits.DEFAULT);

  private final PlainReply plain = new PlainReply();

  @Test
  void plainRepliesAreReadAsTheyAre() {
    Seeds.forAll(
        2_000,
        random -> {
          Frame frame = frame(random);
          byte[] message = FrameCodec.encode(frame);
          assertNotNull(PlainReplies.read(message, 0, message.length, 10), frame::toString);
          assertEquals(frame, outcome(ByteBuffer.wrap(message)));
        });
  }

  /// What is plain by mistake, as what is not, comes to what the general reader makes of it.
  @Test
  void damagedRepliesAreReadOrRefusedAsByTheGeneralReader() {
    Seeds.forAll(
        20_000,
        random -> {
          byte[] message = FrameCodec.encode(frame(random));
          for (int changes = random.nextInt(3); changes >= 0; changes--) {
            message[random.nextInt(message.length)] = (byte) random.nextInt(256);
          }
          int length = random.nextInt(4) > 0 ? message.length : random.nextInt(message.length);
          // The plain reader looks at arrays only.
          ByteBuffer direct = ByteBuffer.allocateDirect(length).put(message, 0, length).flip();
          assertEquals(outcome(direct), outcome(ByteBuffer.wrap(message, 0, length)));
        });
  }

  private static Object outcome(ByteBuffer message) {
    try {
      return CODEC.decode(message);
    } catch (WireException e) {
      return String.valueOf(e.getMessage());
    }
  }

  private Frame frame(RandomGenerator random) {
    return random.nextBoolean()
        ? new Frame.Answer(reply(random))
        : new Frame.Answers(List.of(reply(random), reply(random)));
  }

  private Reply reply(RandomGenerator random) {
    long id = number(random);
    byte[] value = new byte[random.nextInt(100)];
    random.nextBytes(value);
    PlainReply reply =
        switch (random.nextInt(3)) {
          case 0 -> plain.bytes(id, value, 0, value.length, number(random) >>> 20);
          case 1 -> plain.missing(id);
          default -> {
            plain.done(id, number(random), random.nextBoolean());
            int copies = 1 + random.nextInt(3);
            yield random.nextBoolean() ? plain : plain.receipt(copies, random.nextInt(copies + 1));
          }
        };
    return reply.at(number(random) >>> 1, number(random) >>> 1, number(random)).toReply();
  }

  private static long number(RandomGenerator random) {
    return random.nextLong() >>> random.nextInt(Long.SIZE);
  }
}
