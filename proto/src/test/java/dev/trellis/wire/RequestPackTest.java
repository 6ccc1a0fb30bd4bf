package dev.trellis.wire;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Kind;
import dev.trellis.testing.Seeds;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;
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
            Request request = request(frames, random);
            byte[] message = FrameCodec.encode(new Frame.Single(request));
            boolean plain =
                RequestPack.isPlain(request.operation())
                    && request.context().fieldGenerations().isEmpty()
                    && request.context().demand().equals(Demand.NONE)
                    && request.context().tag().isEmpty();
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
  void aBatchOfPlainRequestsHasTheBytesOfItsFrameWhateverStandsBesideIt() {
    Seeds.forAll(
        2_000,
        random -> {
          pack.clear();
          RandomFrames frames = new RandomFrames(random);
          ByteBuffer expected = ByteBuffer.allocate(256 << 10);
          for (int left = random.nextInt(3); left >= 0; left--) {
            List<Request> requests = new ArrayList<>();
            long bytesMax = 0;
            pack.beginBatch();
            for (int more = random.nextInt(random.nextBoolean() ? 4 : 100); more > 0; more--) {
              Request request = request(frames, random);
              if (pack.addPlain(request)) {
                requests.add(request);
                bytesMax += RequestPack.plainBytesMax(request.key(), request.operation());
              }
            }
            pack.endBatch();
            if (!requests.isEmpty()) {
              byte[] message = FrameCodec.encode(new Frame.Batch(requests));
              assertTrue(message.length <= bytesMax);
              expected.putInt(message.length).put(message);
            }
            Request alone = request(frames, random);
            if (pack.addPlain(alone)) {
              byte[] message = FrameCodec.encode(new Frame.Single(alone));
              expected.putInt(message.length).put(message);
            }
          }
          assertArrayEquals(
              Arrays.copyOf(expected.array(), expected.position()),
              Arrays.copyOf(pack.buffer(), pack.size()));
        });
  }

  private static Request request(RandomFrames frames, RandomGenerator random) {
    Request drawn = frames.request();
    Operation operation =
        switch (random.nextInt(4)) {
          case 0 -> Read.Get.ANY;
          case 1 -> new Read.Get(Optional.of(random.nextBoolean() ? Kind.LWW : Kind.LOG));
          case 2 -> new Mutation.Put(frames.payload());
          default -> drawn.operation();
        };
    return new Request(drawn.id(), drawn.key(), operation, drawn.context());
  }

  @Test
  void aPackIsEmptyOnceItIsCleared() {
    pack.add(new byte[1 << 20]);
    assertEquals(Integer.BYTES + (1 << 20), pack.size());
    pack.clear();
    assertTrue(pack.isEmpty());
  }
}
