package dev.trellis.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.testing.Seeds;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class PlainRequestsTest {
  private static final FrameCodec CODEC = new FrameCodec(Limits.DEFAULT);
  private static final Request GET =
      new Request(7, Payload.ofText("key"), Read.Get.ANY, RequestContext.READ);
  private static final Request PUT =
      new Request(
          8,
          Payload.ofText("other"),
          new Mutation.Put(Payload.ofText("value")),
          RequestContext.mutation(3, HybridTimestamp.ofMillis(4)));

  private final PlainRequests plain = new PlainRequests(Limits.DEFAULT);

  @Test
  void getsAndPutsOfAnyContentAreReadAsTheyAre() {
    Seeds.forAll(
        2_000,
        random -> {
          RandomFrames frames = new RandomFrames(random);
          Request drawn = frames.request();
          Operation operation =
              switch (random.nextInt(3)) {
                case 0 -> Read.Get.ANY;
                case 1 -> new Read.Get(Optional.of(Kind.LWW));
                default -> new Mutation.Put(frames.payload());
              };
          Request request = new Request(drawn.id(), drawn.key(), operation, drawn.context());
          boolean expected =
              request.context().read() == ReadMode.ANY
                  && request.context().fieldGenerations().isEmpty()
                  && request.context().demand().equals(Demand.NONE)
                  && request.context().tag().isEmpty();
          assertEquals(
              expected ? List.of(request) : List.of(), taken(FrameCodec.encode(single(request))));
        });
  }

  @Test
  void whatIsTakenIsWhatTheCodecReads() {
    Seeds.forAll(
        500,
        random -> {
          RandomFrames frames = new RandomFrames(random);
          for (int type = 0; type < RandomFrames.FRAME_TYPES; type++) {
            assertTakenAsDecoded(FrameCodec.encode(frames.frame(type)));
          }
        });
  }

  /// Also where it is damaged: what is malformed is left to the codec, which can say why.
  @Test
  void whatIsTakenOfDamagedFramesIsWhatTheCodecReads() {
    Seeds.forAll(
        20_000,
        random -> {
          Frame frame =
              random.nextBoolean() ? single(random.nextBoolean() ? GET : PUT) : batch(GET, PUT);
          byte[] damaged = FrameCodec.encode(frame);
          for (int changes = random.nextInt(3); changes >= 0; changes--) {
            damaged[random.nextInt(damaged.length)] = (byte) random.nextInt(256);
          }
          int length = random.nextInt(4) > 0 ? damaged.length : random.nextInt(damaged.length);
          assertTakenAsDecoded(Arrays.copyOf(damaged, length));
        });
  }

  @Test
  void aBatchIsTakenInOrderAndOnlyIfAllOfItIsPlain() {
    Request odd = new Request(9, Payload.ofText("key"), new Read.State(), RequestContext.READ);
    assertEquals(List.of(GET, PUT, GET), taken(FrameCodec.encode(batch(GET, PUT, GET))));
    assertEquals(List.of(), taken(FrameCodec.encode(batch(GET, PUT, odd))));
    assertEquals(List.of(PUT), taken(FrameCodec.encode(batch(PUT))));
    assertEquals(List.of(), taken(FrameCodec.encode(batch())));
  }

  @Test
  void theKeysOfALongBatchAreKnownInAdvance() {
    Seeds.forAll(
        50,
        random -> {
          RandomFrames frames = new RandomFrames(random);
          Request[] requests = new Request[2 + random.nextInt(300)];
          Arrays.setAll(
              requests,
              number ->
                  new Request(number, frames.request().key(), Read.Get.ANY, RequestContext.READ));
          assertEquals(List.of(requests), taken(FrameCodec.encode(batch(requests))));
        });
  }

  @Test
  void whatIsBeyondALimitIsLeftToTheCodec() {
    PlainRequests strict = new PlainRequests(new Limits(5, 5, 64 << 10, 2));
    assertTrue(accepts(strict, single(PUT)));
    assertTrue(accepts(strict, batch(GET, PUT)));
    assertFalse(accepts(strict, batch(GET, PUT, GET)));
    Payload six = Payload.ofText("123456");
    assertFalse(accepts(strict, single(new Request(1, six, GET.operation(), GET.context()))));
    assertFalse(
        accepts(strict, single(new Request(1, GET.key(), new Mutation.Put(six), PUT.context()))));
  }

  @Test
  void oneReaderGoesFromFrameToFrame() {
    assertEquals(List.of(GET, PUT), taken(FrameCodec.encode(batch(GET, PUT))));
    assertEquals(List.of(PUT), taken(FrameCodec.encode(single(PUT))));
    assertEquals(List.of(), taken(FrameCodec.encode(new Frame.Ping(1))));
    assertEquals(List.of(GET), taken(FrameCodec.encode(single(GET))));
  }

  private void assertTakenAsDecoded(byte[] message) {
    List<Request> taken = taken(message);
    if (!taken.isEmpty()) {
      List<Request> decoded =
          switch (decoded(message)) {
            case Frame.Single single -> List.of(single.request());
            case Frame.Batch batch -> batch.requests();
            case Frame other -> List.of();
          };
      assertEquals(decoded, taken);
    }
  }

  private static Frame decoded(byte[] message) {
    try {
      return CODEC.decode(ByteBuffer.wrap(message));
    } catch (WireException e) {
      throw new AssertionError("taken, though the codec refuses it", e);
    }
  }

  /// Reads a message that stands amid other bytes.
  private List<Request> taken(byte[] message) {
    byte[] amid = new byte[message.length + 7];
    Arrays.fill(amid, (byte) 0x0A);
    System.arraycopy(message, 0, amid, 3, message.length);
    List<Request> requests = new ArrayList<>();
    if (plain.accept(amid, 3, message.length)) {
      List<Payload> keys = keysInAdvance();
      while (plain.next()) {
        requests.add(plain.toRequest());
      }
      if (requests.size() > 1) {
        assertEquals(requests.stream().map(Request::key).toList(), keys);
      }
      assertEquals(requests.size(), plain.count());
    }
    return requests;
  }

  /// The keys of a batch, before its requests are taken.
  private List<Payload> keysInAdvance() {
    List<Payload> keys = new ArrayList<>();
    for (int request = 0; plain.count() > 1 && request < plain.count(); request++) {
      keys.add(Payload.of(plain.source(), plain.keyAt(request), plain.keyLength(request)));
    }
    return keys;
  }

  private static boolean accepts(PlainRequests reader, Frame frame) {
    byte[] message = FrameCodec.encode(frame);
    return reader.accept(message, 0, message.length);
  }

  private static Frame single(Request request) {
    return new Frame.Single(request);
  }

  private static Frame batch(Request... requests) {
    return new Frame.Batch(List.of(requests));
  }
}
