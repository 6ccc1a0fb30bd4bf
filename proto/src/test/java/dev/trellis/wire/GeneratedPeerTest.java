package dev.trellis.wire;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.ReplicaId;
import dev.trellis.causal.Tag;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Expiry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.ObservedRemoveSet;
import dev.trellis.lattice.Payload;
import dev.trellis.testing.Seeds;
import dev.trellis.wire.generated.Done;
import dev.trellis.wire.generated.Duration;
import dev.trellis.wire.generated.Failed;
import dev.trellis.wire.generated.History;
import dev.trellis.wire.generated.Put;
import dev.trellis.wire.generated.UpdateField;
import dev.trellis.wire.generated.Value;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/// Compares the codecs, which are written by hand, with the classes that protoc generates from
/// `trellis.proto`.
class GeneratedPeerTest {
  private static final FrameCodec CODEC = new FrameCodec(Limits.DEFAULT);

  @Test
  void protocReadsEveryFieldOfOurFramesAndWritesTheSameBytes() {
    Seeds.forAll(
        3_000,
        random -> {
          byte[] bytes = FrameCodec.encode(new RandomFrames(random).frame());
          try {
            var peer = dev.trellis.wire.generated.Frame.parseFrom(bytes);
            assertEquals(List.of(), OtherForms.unknownFields(peer));
            assertArrayEquals(bytes, peer.toByteArray());
          } catch (IOException e) {
            throw new AssertionError("protoc refuses what we wrote", e);
          }
        });
  }

  @Test
  void whatHasTheSameNameHasTheSameValue() throws IOException {
    SameNames names = new SameNames();
    RandomFrames frames = new RandomFrames(new SplittableRandom(1));
    for (int round = 0; round < 5_000; round++) {
      Frame frame = frames.frame();
      var peer = dev.trellis.wire.generated.Frame.parseFrom(FrameCodec.encode(frame));
      names.compare((Record) frame, peer);
      if (frame instanceof Frame.Single single) {
        names.compare(single.request().context(), peer.getSingle());
        names.compare((Record) single.request().operation(), peer.getSingle().getOperation());
      } else if (frame instanceof Frame.FromPeer told) {
        names.compare((Record) told.message(), peer.getFromPeer());
      } else if (frame instanceof Frame.Answer answer) {
        names.compare(answer.reply(), peer.getAnswer());
        names.compare(answer.reply().receipt(), peer.getAnswer());
        names.compare((Record) answer.reply().outcome(), peer.getAnswer());
        if (answer.reply().outcome() instanceof Outcome.Done done) {
          names.compare((Record) done.view(), peer.getAnswer().getDone().getView());
        }
      }
    }
    assertTrue(names.compared().size() >= 100, () -> "compared only " + names.compared());
  }

  @Test
  void whateverLegalFormAFrameComesInItReadsTheSameAndIsWrittenCanonically() {
    Seeds.forAll(
        3_000,
        random -> {
          Frame frame = new RandomFrames(random).frame();
          byte[] canonical = FrameCodec.encode(frame);
          try {
            byte[] other =
                new OtherForms(new Random(random.nextLong()))
                    .encode(dev.trellis.wire.generated.Frame.parseFrom(canonical));
            Frame decoded = CODEC.decode(ByteBuffer.wrap(other));
            assertEquals(frame, decoded);
            assertArrayEquals(canonical, FrameCodec.encode(decoded));
          } catch (IOException | WireException e) {
            throw new AssertionError("refused another form of " + frame, e);
          }
        });
  }

  @Test
  void aRequestMeansTheSameToProtoc() throws IOException {
    Request request =
        new Request(
            7,
            Payload.ofText("cart"),
            new Mutation.UpdateField(
                Payload.ofText("owner"), new Mutation.Put(Payload.ofText("ada"))),
            new RequestContext(
                3,
                true,
                HybridTimestamp.of(1_000, 2),
                Optional.of(HybridTimestamp.ZERO),
                Acknowledgement.DURABLE,
                ReadMode.ALL,
                60_000,
                250,
                9,
                List.of(HybridTimestamp.ZERO, HybridTimestamp.ofMillis(3)),
                12,
                new Demand(HybridTimestamp.ofMillis(4), true, true),
                Optional.of(new Tag(new InvocationId(5L << 16, 6), 7))));
    var put =
        dev.trellis.wire.generated.Operation.newBuilder()
            .setPut(Put.newBuilder().setValue(ByteString.copyFromUtf8("ada")));
    var peer =
        dev.trellis.wire.generated.Request.newBuilder()
            .setId(7)
            .setKey(ByteString.copyFromUtf8("cart"))
            .setOperation(
                dev.trellis.wire.generated.Operation.newBuilder()
                    .setUpdateField(
                        UpdateField.newBuilder()
                            .setField(ByteString.copyFromUtf8("owner"))
                            .setMutation(put)))
            .setSequence(3)
            .setTimestamp((1_000L << 16) + 2)
            .setGeneration(0)
            .setAcknowledgement(dev.trellis.wire.generated.Acknowledgement.ACKNOWLEDGEMENT_DURABLE)
            .setRead(dev.trellis.wire.generated.ReadMode.READ_MODE_ALL)
            .setTtlMillis(60_000)
            .setTimeoutMillis(250)
            .setRingVersion(9)
            .setRepeat(true)
            .addFieldGenerations(0)
            .addFieldGenerations(3L << 16)
            .setObservedMicros(12)
            .setDemand(
                dev.trellis.wire.generated.Demand.newBuilder()
                    .setNotBefore(4L << 16)
                    .setReceipt(true)
                    .setDelta(true))
            .setTag(
                dev.trellis.wire.generated.Tag.newBuilder()
                    .setHigh(5L << 16)
                    .setLow(6)
                    .setNumber(7));
    assertEquals(
        dev.trellis.wire.generated.Frame.newBuilder().setSingle(peer).build(),
        dev.trellis.wire.generated.Frame.parseFrom(FrameCodec.encode(new Frame.Single(request))));
  }

  @Test
  void aReplyMeansTheSameToProtoc() throws IOException {
    ReplicaId replica = new ReplicaId(-5, 1);
    Reply done =
        new Reply(
            7,
            new Outcome.Done(new View.Whole(-3), 1, true),
            HybridTimestamp.ofMillis(10),
            Optional.of(Kind.COUNTER),
            CausalContext.of(new Dot(replica, 1), new Dot(replica, 2), new Dot(replica, 5)),
            new Receipt(2, 1),
            HybridTimestamp.ofMillis(20),
            4,
            Optional.empty(),
            List.of(HybridTimestamp.ofMillis(5)));
    Reply failed =
        new Reply(
            8,
            new Outcome.Failed(
                ErrorCode.OVERLOADED, "später", Optional.of(java.time.Duration.ofMillis(-1_500))),
            HybridTimestamp.ZERO,
            Optional.empty(),
            CausalContext.EMPTY,
            Receipt.NONE,
            HybridTimestamp.ZERO,
            0);
    History history =
        History.newBuilder()
            .setIncarnation(-5)
            .setBirth(1)
            .addAllRuns(List.of(0L, 1L, 2L, 0L))
            .build();
    var peers =
        dev.trellis.wire.generated.Answers.newBuilder()
            .addReplies(
                dev.trellis.wire.generated.Reply.newBuilder()
                    .setId(7)
                    .setDone(
                        Done.newBuilder()
                            .setView(dev.trellis.wire.generated.View.newBuilder().setWhole(-3))
                            .setChanged(1)
                            .setRepeated(true))
                    .setGeneration(10L << 16)
                    .setKind(dev.trellis.wire.generated.Kind.KIND_COUNTER)
                    .setDots(
                        dev.trellis.wire.generated.CausalContext.newBuilder().addHistories(history))
                    .setCopies(2)
                    .setDurableCopies(1)
                    .setClock(20L << 16)
                    .setRingVersion(4)
                    .addFieldGenerations(5L << 16))
            .addReplies(
                dev.trellis.wire.generated.Reply.newBuilder()
                    .setId(8)
                    .setFailed(
                        Failed.newBuilder()
                            .setCode(dev.trellis.wire.generated.ErrorCode.OVERLOADED)
                            .setMessage("später")
                            .setRetryAfter(
                                Duration.newBuilder().setSeconds(-2).setNanos(500_000_000))));
    assertEquals(
        dev.trellis.wire.generated.Frame.newBuilder().setAnswers(peers).build(),
        dev.trellis.wire.generated.Frame.parseFrom(
            FrameCodec.encode(new Frame.Answers(List.of(done, failed)))));
  }

  @Test
  void anEntryMeansTheSameToProtoc() throws IOException {
    ReplicaId first = new ReplicaId(1, 0);
    ReplicaId second = new ReplicaId(2, 0);
    ObservedRemoveSet set =
        ObservedRemoveSet.of(
            Map.of(
                new Dot(first, 1), Payload.ofText("a"),
                new Dot(first, 3), Payload.ofText("b"),
                new Dot(second, 2), Payload.EMPTY),
            CausalContext.of(new Dot(first, 2), new Dot(new ReplicaId(3, 0), 1)));
    Entry entry =
        Entry.of(
            HybridTimestamp.ofMillis(1),
            Optional.of(new Expiry(HybridTimestamp.ofMillis(2), -1, 3)),
            List.of(LwwRegister.tombstone(HybridTimestamp.ofMillis(4), 5), set));
    var peerSet =
        dev.trellis.wire.generated.ObservedRemoveSet.newBuilder()
            .setContext(
                dev.trellis.wire.generated.CausalContext.newBuilder()
                    .addHistories(history(1, 0, 2))
                    .addHistories(history(2, 1, 0))
                    .addHistories(history(3, 0, 0)))
            .addAllStanding(List.of(2L, 0L, 0L, 1L, 0L, 1L, 1L, 0L))
            .addElements(ByteString.copyFromUtf8("a"))
            .addElements(ByteString.copyFromUtf8("b"))
            .addElements(ByteString.EMPTY)
            .build();
    var peerRegister =
        dev.trellis.wire.generated.LwwRegister.newBuilder()
            .setTimestamp(4L << 16)
            .setWriter(5)
            .build();
    var peer =
        dev.trellis.wire.generated.Entry.newBuilder()
            .setGeneration(1L << 16)
            .setExpiry(
                dev.trellis.wire.generated.Expiry.newBuilder()
                    .setWrittenAt(2L << 16)
                    .setWriter(-1)
                    .setAtMillis(3))
            .addValues(Value.newBuilder().setKind(1).setState(peerRegister.toByteString()))
            .addValues(Value.newBuilder().setKind(7).setState(peerSet.toByteString()))
            .build();
    assertEquals(
        peer, dev.trellis.wire.generated.Entry.parseFrom(LatticeCodec.encode(entry).toBytes()));
  }

  private static History history(long incarnation, long gap, long lengthLessOne) {
    return History.newBuilder()
        .setIncarnation(incarnation)
        .addRuns(gap)
        .addRuns(lengthLessOne)
        .build();
  }

  @Test
  void numbersAndNamesOfKindsAndCodesAgree() {
    for (Kind kind : Kind.values()) {
      assertEquals(
          "KIND_" + kind.name(), dev.trellis.wire.generated.Kind.forNumber(kind.number()).name());
    }
    for (ErrorCode code : ErrorCode.values()) {
      assertEquals(
          code.name(), dev.trellis.wire.generated.ErrorCode.forNumber(code.number()).name());
    }
    assertEquals(Kind.values().length + 2, dev.trellis.wire.generated.Kind.values().length);
    assertEquals(
        ErrorCode.values().length + 2, dev.trellis.wire.generated.ErrorCode.values().length);
  }
}
