package dev.trellis.wire;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Kind;
import dev.trellis.testing.Seeds;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class RequestPackTest {
  private final RequestPack pack = new RequestPack();

  @Test
  void aPackHasTheBytesOfItsFrames() {
    Seeds.forAll(
        2_000,
        random -> {
          pack.clear();
          RandomFrames frames = new RandomFrames(random);
          ByteBuffer expected = ByteBuffer.allocate(64 << 10);
          for (int left = random.nextInt(5); left >= 0; left--) {
            Request drawn = frames.request();
            Operation operation =
                switch (random.nextInt(4)) {
                  case 0 -> Read.Get.ANY;
                  case 1 -> new Read.Get(Optional.of(random.nextBoolean() ? Kind.LWW : Kind.LOG));
                  case 2 -> new Mutation.Put(frames.payload());
                  default -> drawn.operation();
                };
            Request request = new Request(drawn.id(), drawn.key(), operation, drawn.context());
            byte[] message = FrameCodec.encode(new Frame.Single(request));
            boolean plain =
                (operation instanceof Read.Get || operation instanceof Mutation.Put)
                    && drawn.context().fieldGenerations().isEmpty();
            assertEquals(plain, pack.addPlain(request));
            if (!plain) {
              pack.add(message);
            }
            expected.putInt(message.length).put(message);
          }
          assertArrayEquals(
              Arrays.copyOf(expected.array(), expected.position()),
              Arrays.copyOf(pack.buffer(), pack.size()));
        });
  }

  @Test
  void aPackIsEmptyOnceItIsCleared() {
    pack.add(new byte[1 << 20]);
    assertEquals(Integer.BYTES + (1 << 20), pack.size());
    pack.clear();
    assertTrue(pack.isEmpty());
  }
}
