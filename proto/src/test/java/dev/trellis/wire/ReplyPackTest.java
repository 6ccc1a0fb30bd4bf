package dev.trellis.wire;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.testing.Seeds;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class ReplyPackTest {
  private final ReplyPack pack = new ReplyPack();
  private final PlainReply plain = new PlainReply();

  @Test
  void aPackHasTheBytesOfTheFrame() {
    Seeds.forAll(
        2_000,
        random -> {
          pack.clear();
          RandomFrames frames = new RandomFrames(random);
          List<Reply> replies = new ArrayList<>();
          for (int left = random.nextInt(5); left >= 0; left--) {
            if (random.nextBoolean()) {
              Reply reply = frames.reply();
              pack.add(reply);
              replies.add(reply);
            } else {
              draw(random);
              pack.add(plain);
              replies.add(plain.toReply());
            }
          }
          Frame frame =
              replies.size() == 1 ? new Frame.Answer(replies.get(0)) : new Frame.Answers(replies);
          assertArrayEquals(onSocket(frame), taken());
        });
  }

  @Test
  void aPackIsEmptyOnceItIsCleared() {
    pack.add(plain.missing(1).at(0, 1, 1));
    assertTrue(pack.size() > 0);
    pack.clear();
    assertTrue(pack.isEmpty());
    assertEquals(0, pack.size());
  }

  private void draw(RandomGenerator random) {
    long id = number(random);
    byte[] value = new byte[random.nextInt(random.nextBoolean() ? 4 : 400)];
    random.nextBytes(value);
    int from = random.nextInt(value.length + 1);
    switch (random.nextInt(3)) {
      case 0 -> plain.bytes(id, value, from, value.length - from, Math.abs(number(random) >> 20));
      case 1 -> plain.missing(id);
      default -> {
        plain.done(id, random.nextInt(2), random.nextBoolean());
        if (random.nextBoolean()) {
          plain.receipt(300, random.nextInt(300));
        }
      }
    }
    plain.at(number(random) >>> 1, number(random) >>> 1, number(random));
  }

  private static long number(RandomGenerator random) {
    return random.nextLong() >>> random.nextInt(Long.SIZE);
  }

  private byte[] taken() {
    int from = pack.finish();
    return Arrays.copyOfRange(pack.buffer(), from, pack.end());
  }

  private static byte[] onSocket(Frame frame) {
    byte[] message = FrameCodec.encode(frame);
    return ByteBuffer.allocate(Integer.BYTES + message.length)
        .putInt(message.length)
        .put(message)
        .array();
  }
}
