package dev.trellis.wire;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class FrameCodecTest {
  private static final FrameCodec CODEC = new FrameCodec(Limits.DEFAULT);

  @Test
  void everyFrameComesBackEqualAndWithTheSameBytes() throws WireException {
    long seed = Long.getLong("seed", System.nanoTime());
    RandomFrames frames = new RandomFrames(new Random(seed));
    for (int round = 0; round < 20_000; round++) {
      Frame frame = frames.frame(round % RandomFrames.FRAME_TYPES);
      byte[] bytes = FrameCodec.encode(frame);
      String replay = "-Dseed=" + seed + " round " + round;
      Frame decoded = CODEC.decode(ByteBuffer.wrap(bytes));
      assertEquals(frame, decoded, replay);
      assertArrayEquals(bytes, FrameCodec.encode(decoded), replay);
    }
  }
}
