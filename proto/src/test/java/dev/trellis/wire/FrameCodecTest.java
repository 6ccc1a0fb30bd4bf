package dev.trellis.wire;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.ReplicaId;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.GrowSet;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.LatticeMap;
import dev.trellis.lattice.MaxRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.testing.Seeds;
import dev.trellis.wire.generated.Get;
import dev.trellis.wire.generated.Hello;
import dev.trellis.wire.generated.LogRecords;
import dev.trellis.wire.generated.Merge;
import dev.trellis.wire.generated.Place;
import dev.trellis.wire.generated.ScoredMembers;
import dev.trellis.wire.generated.Tier;
import dev.trellis.wire.generated.UpdateField;
import dev.trellis.wire.generated.Value;
import dev.trellis.wire.generated.Watch;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class FrameCodecTest {
  private static final FrameCodec CODEC = new FrameCodec(Limits.DEFAULT);
  private static final Payload KEY = Payload.ofText("key");

  @Test
  void everyTypeOfFrameComesBackEqual() {
    Seeds.forAll(
        300,
        random -> {
          RandomFrames frames = new RandomFrames(random);
          for (int type = 0; type < RandomFrames.FRAME_TYPES; type++) {
            assertComesBack(frames.frame(type));
          }
        });
  }

  @Test
  void everyOperationComesBackEqual() {
    Seeds.forAll(
        100,
        random -> {
          RandomFrames frames = new RandomFrames(random);
          for (int type = 0; type < RandomFrames.READ_TYPES; type++) {
            assertComesBack(request(1, frames.read(type, 4)));
          }
          for (int type = 0; type < RandomFrames.MUTATION_TYPES; type++) {
            assertComesBack(request(1, frames.mutation(type, 4)));
          }
        });
  }

  @Test
  void everyMessageBetweenReplicasComesBackEqual() {
    Seeds.forAll(
        200,
        random -> {
          RandomFrames frames = new RandomFrames(random);
          for (int type = 0; type < RandomFrames.PEER_MESSAGE_TYPES; type++) {
            assertComesBack(new Frame.FromPeer(frames.peerMessage(type)));
          }
        });
  }

  @Test
  void betweenReplicasNoSizeIsRefusedButThatOfTheFrame() throws WireException {
    FrameCodec codec = new FrameCodec(new Limits(10, 100, 64 << 10, 2));
    Payload longKey = Payload.of(new byte[11]);
    PeerMessage.Change change =
        new PeerMessage.Change(
            longKey,
            Entry.of(HybridTimestamp.ZERO, GrowSet.of(List.of(Payload.of(new byte[101])))),
            Optional.empty(),
            true);
    Frame frame =
        new Frame.FromPeer(
            new PeerMessage.Changes(1, HybridTimestamp.ZERO, List.of(change, change, change)));
    assertEquals(frame, codec.decode(ByteBuffer.wrap(FrameCodec.encode(frame))));
  }

  @Test
  void messagesBetweenReplicasThatLackSomethingAreRefusedAndToldWhy() {
    assertRefusedMessage("a message between replicas that is empty", message -> {});
    assertRefusedMessage(
        "an empty key; a key has at least one byte", message -> message.getFetchBuilder());
    assertRefusedMessage(
        "the answer to fetch 3 without a state", message -> message.getFetchedBuilder().setId(3));
    assertRefusedMessage(
        "1 hashes of keys with 0 digests", message -> message.getKeysBuilder().addHashes(7));
    assertRefusedMessage(
        "an empty key; a key has at least one byte",
        message -> message.getChangesBuilder().addChangesBuilder());
    assertRefusedMessage(
        "an empty key; a key has at least one byte",
        message -> message.getCollectBuilder().addKeys(ByteString.EMPTY));
    var hello = dev.trellis.wire.generated.Frame.newBuilder();
    hello
        .getHelloBuilder()
        .setScope(dev.trellis.wire.generated.Scope.SCOPE_SHARD)
        .getIntroductionBuilder()
        .getFromBuilder()
        .setNodeId("n1");
    assertEquals(
        "an introduction that does not tell who connects to whom",
        refusal(CODEC, hello.build().toByteArray()).getMessage());
  }

  @Test
  void aPieceOfNothingIsRefused() {
    var frame = dev.trellis.wire.generated.Frame.newBuilder();
    frame.getPeerPieceBuilder().setRemaining(7);
    assertEquals(
        "a piece of 0 bytes with 7 to follow",
        refusal(CODEC, frame.build().toByteArray()).getMessage());
  }

  private static void assertRefusedMessage(
      String why, Consumer<dev.trellis.wire.generated.PeerMessage.Builder> content) {
    var frame = dev.trellis.wire.generated.Frame.newBuilder();
    content.accept(frame.getFromPeerBuilder());
    WireException refusal = refusal(CODEC, frame.build().toByteArray());
    assertEquals(why, refusal.getMessage());
    assertEquals(ErrorCode.BAD_REQUEST, refusal.code());
  }

  @Test
  void everyViewComesBackEqual() {
    Seeds.forAll(
        100,
        random -> {
          RandomFrames frames = new RandomFrames(random);
          for (int type = 0; type < RandomFrames.VIEW_TYPES; type++) {
            assertComesBack(answer(frames.view(type, 4)));
          }
        });
  }

  @Test
  void anyKindOfBufferWillDoAndIsLeftAlone() throws WireException {
    Frame frame = new RandomFrames(new SplittableRandom(7)).frame(3);
    byte[] bytes = FrameCodec.encode(frame);
    ByteBuffer direct = ByteBuffer.allocateDirect(bytes.length + 5).position(3);
    direct.put(bytes).flip().position(3);
    ByteBuffer within = ByteBuffer.allocate(bytes.length + 9).position(4).slice().position(1);
    within.put(bytes).flip().position(1);
    for (ByteBuffer buffer : List.of(direct, within, within.asReadOnlyBuffer())) {
      int position = buffer.position();
      assertEquals(frame, CODEC.decode(buffer));
      assertEquals(position, buffer.position());
      assertEquals(bytes.length, buffer.remaining());
    }
  }

  @Test
  void whatWasDecodedSharesNothingWithTheBuffer() throws WireException {
    Frame frame = request(1, new Mutation.Put(Payload.ofText("value")));
    byte[] bytes = FrameCodec.encode(frame);
    Frame decoded = CODEC.decode(ByteBuffer.wrap(bytes));
    Arrays.fill(bytes, (byte) 0);
    assertEquals(frame, decoded);
  }

  // ---- Limits ----

  @Test
  void aKeyAtTheLimitIsAcceptedAndOneByteMoreIsKeyTooLong() throws WireException {
    FrameCodec codec = new FrameCodec(new Limits(10, 100, 64 << 10, 2));
    Frame longest = new Frame.Watch(1, Payload.of(new byte[10]), Optional.empty());
    assertEquals(longest, codec.decode(ByteBuffer.wrap(FrameCodec.encode(longest))));
    Payload tooLong = Payload.of(new byte[11]);
    for (Frame frame :
        List.of(
            new Frame.Watch(1, tooLong, Optional.empty()),
            new Frame.Single(new Request(1, tooLong, Read.Get.ANY, RequestContext.READ)),
            new Frame.Scan(1, tooLong, Optional.empty(), 5, false),
            request(
                1,
                new Mutation.PutMultiCausal(
                    KEY, CausalContext.EMPTY, Map.of(tooLong, CausalContext.EMPTY))))) {
      WireException refusal = refusal(codec, FrameCodec.encode(frame));
      assertEquals(ErrorCode.KEY_TOO_LONG, refusal.code());
      assertEquals("a key of 11 bytes exceeds the limit of 10", refusal.getMessage());
    }
  }

  @Test
  void anEmptyKeyIsRefused() {
    assertRefused(
        "an empty key; a key has at least one byte",
        new Frame.Single(new Request(1, Payload.EMPTY, Read.Get.ANY, RequestContext.READ)));
    assertRefused(
        "an empty key; a key has at least one byte",
        new Frame.Watch(1, Payload.EMPTY, Optional.empty()));
    assertRefused(
        "an empty key; a key has at least one byte",
        request(
            1,
            new Mutation.PutMultiCausal(
                KEY, CausalContext.EMPTY, Map.of(Payload.EMPTY, CausalContext.EMPTY))));
  }

  @Test
  void aValueAtTheLimitIsAcceptedAndOneByteMoreIsTooLarge() throws WireException {
    FrameCodec codec = new FrameCodec(new Limits(10, 100, 64 << 10, 2));
    Frame largest = request(1, new Mutation.Put(Payload.of(new byte[100])));
    assertEquals(largest, codec.decode(ByteBuffer.wrap(FrameCodec.encode(largest))));
    Payload tooLarge = Payload.of(new byte[101]);
    for (Mutation mutation :
        List.of(
            new Mutation.Put(tooLarge),
            new Mutation.Add(Kind.GSET, List.of(KEY, tooLarge)),
            new Mutation.AddScored(List.of(new Mutation.ScoredMember(tooLarge, 1))),
            new Mutation.Append(List.of(tooLarge)),
            new Mutation.UpdateField(tooLarge, new Mutation.Delete()))) {
      WireException refusal = refusal(codec, FrameCodec.encode(request(9, mutation)));
      assertEquals(ErrorCode.VALUE_TOO_LARGE, refusal.code());
      assertEquals("a value of 101 bytes exceeds the limit of 100", refusal.getMessage());
      assertEquals(OptionalLong.of(9), refusal.requestId());
    }
  }

  @Test
  void stateThatReplicasHoldIsNotMeasuredAgain() throws WireException {
    FrameCodec codec = new FrameCodec(new Limits(10, 100, 64 << 10, 2));
    Entry entry = Entry.of(HybridTimestamp.ZERO, GrowSet.of(List.of(Payload.of(new byte[200]))));
    Frame merge = request(1, new Mutation.Merge(entry));
    assertEquals(merge, codec.decode(ByteBuffer.wrap(FrameCodec.encode(merge))));
  }

  @Test
  void aBatchAtTheLimitIsAcceptedAndOneRequestMoreIsRefused() throws WireException {
    FrameCodec codec = new FrameCodec(new Limits(10, 100, 64 << 10, 3));
    Request request = new Request(1, KEY, Read.Get.ANY, RequestContext.READ);
    Frame fullest = new Frame.Batch(Collections.nCopies(3, request));
    assertEquals(fullest, codec.decode(ByteBuffer.wrap(FrameCodec.encode(fullest))));
    WireException refusal =
        refusal(codec, FrameCodec.encode(new Frame.Batch(Collections.nCopies(4, request))));
    assertEquals("a batch of more than 3 requests, the limit", refusal.getMessage());
    assertEquals(OptionalLong.empty(), refusal.requestId());
  }

  @Test
  void aFrameLongerThanTheLimitIsRefusedUnread() {
    FrameCodec codec = new FrameCodec(new Limits(10, 100, 64 << 10, 3));
    assertEquals(
        "a frame of 65537 bytes exceeds the limit of 65536",
        refusal(codec, new byte[(64 << 10) + 1]).getMessage());
  }

  @Test
  void operationsNestSixteenDeepAndNoDeeper() {
    Mutation update = new Mutation.Put(KEY);
    Read read = Read.Get.ANY;
    for (int depth = 1; depth <= Limits.DEPTH_MAX; depth++) {
      update = new Mutation.UpdateField(KEY, update);
      read = new Read.Field(KEY, read);
    }
    assertComesBack(request(1, update));
    assertComesBack(request(1, read));
    String why = "maps nested deeper than the limit of 16";
    assertRefused(why, request(1, new Mutation.UpdateField(KEY, update)));
    assertRefused(why, request(1, new Read.Field(KEY, read)));
  }

  @Test
  void mapsAndTheirViewsNestSixteenDeepAndNoDeeper() {
    Entry entry = Entry.of(HybridTimestamp.ZERO, new MaxRegister(1));
    View view = new View.Whole(1);
    for (int depth = 1; depth <= Limits.DEPTH_MAX; depth++) {
      entry = Entry.of(HybridTimestamp.ZERO, LatticeMap.of(Map.of(KEY, entry)));
      view = fields(view);
    }
    assertComesBack(request(1, new Mutation.Merge(entry)));
    assertComesBack(answer(view));
    String why = "maps nested deeper than the limit of 16";
    Entry deeper = Entry.of(HybridTimestamp.ZERO, LatticeMap.of(Map.of(KEY, entry)));
    assertRefused(why, request(1, new Mutation.Merge(deeper)));
    assertRefused(why, answer(fields(view)));
  }

  private static View fields(View inner) {
    return new View.Fields(new TreeMap<>(Map.of(KEY, new View.Field(Optional.empty(), inner))));
  }

  // ---- What a refusal tells ----

  @Test
  void aRefusedRequestIsNamedOnceItsIdIsKnown() {
    var request =
        dev.trellis.wire.generated.Request.newBuilder()
            .setId(77)
            .setKey(ByteString.copyFromUtf8("k"));
    assertNamed(77, "a request without an operation", request);
    request.setOperation(dev.trellis.wire.generated.Operation.getDefaultInstance());
    assertNamed(77, "an operation that is empty", request);
    request.setTimestamp(-1);
    request.setOperation(
        dev.trellis.wire.generated.Operation.newBuilder().setGet(Get.getDefaultInstance()));
    assertNamed(77, "hybrid timestamp -1 is negative", request);
    request.setTimestamp(1).setAcknowledgementValue(9);
    assertNamed(77, "unknown acknowledgement number 9", request);
    request
        .setAcknowledgement(dev.trellis.wire.generated.Acknowledgement.ACKNOWLEDGEMENT_ONE)
        .setReadValue(2);
    assertNamed(77, "unknown read mode number 2", request);
    request.clearRead().setKey(ByteString.EMPTY);
    assertNamed(77, "an empty key; a key has at least one byte", request);
  }

  private static void assertNamed(
      long id, String why, dev.trellis.wire.generated.Request.Builder request) {
    WireException refusal =
        refusal(
            CODEC,
            dev.trellis.wire.generated.Frame.newBuilder().setSingle(request).build().toByteArray());
    assertEquals(why, refusal.getMessage());
    assertEquals(ErrorCode.BAD_REQUEST, refusal.code());
    assertEquals(OptionalLong.of(id), refusal.requestId());
    refusal =
        refusal(
            CODEC,
            dev.trellis.wire.generated.Frame.newBuilder()
                .setBatch(dev.trellis.wire.generated.Batch.newBuilder().addRequests(request))
                .build()
                .toByteArray());
    assertEquals(why, refusal.getMessage());
    assertEquals(OptionalLong.empty(), refusal.requestId());
  }

  @Test
  void operationsThatMakeNoSenseAreRefusedWithTheReasonOfTheRecord() {
    assertRefusedOperation(
        "no elements given; give at least one",
        operation -> operation.getAddBuilder().setKind(dev.trellis.wire.generated.Kind.KIND_GSET));
    assertRefusedOperation(
        "elements are added to gset, oset or orset, not to lww",
        operation ->
            operation
                .getAddBuilder()
                .setKind(dev.trellis.wire.generated.Kind.KIND_LWW)
                .addElements(ByteString.EMPTY));
    assertRefusedOperation(
        "unknown kind number 99", operation -> operation.getGetBuilder().setKindValue(99));
    assertRefusedOperation(
        "unknown kind number 18446744073709551615",
        operation -> operation.getGetBuilder().setKindValue(-1));
    assertRefusedOperation(
        "an operation that does not name its kind", operation -> operation.getSizeBuilder());
    assertRefusedOperation("limit 0 is below 1", operation -> operation.getScoresBuilder());
    assertRefusedOperation(
        "priority NaN has no order; give a number",
        operation -> operation.getPutPriorityBuilder().setPriority(Double.NaN));
    assertRefusedOperation(
        "1 members with 2 scores",
        operation ->
            operation
                .getAddScoredBuilder()
                .setMembers(
                    ScoredMembers.newBuilder()
                        .addMembers(ByteString.EMPTY)
                        .addScores(1)
                        .addScores(2)));
    assertRefusedOperation(
        "an update of field \"f\" that is a read",
        operation ->
            operation.setUpdateField(
                UpdateField.newBuilder()
                    .setField(ByteString.copyFromUtf8("f"))
                    .setMutation(
                        dev.trellis.wire.generated.Operation.newBuilder()
                            .setGet(Get.getDefaultInstance()))));
    assertRefusedOperation(
        "a merge into field \"\"; merge the whole entry instead",
        operation ->
            operation.setUpdateField(
                UpdateField.newBuilder()
                    .setMutation(
                        dev.trellis.wire.generated.Operation.newBuilder()
                            .setMerge(Merge.getDefaultInstance()))));
    assertRefusedOperation(
        "a placement of field \"\"; place the whole key instead",
        operation ->
            operation.setUpdateField(
                UpdateField.newBuilder()
                    .setMutation(
                        dev.trellis.wire.generated.Operation.newBuilder()
                            .setPlace(Place.getDefaultInstance()))));
    assertRefusedOperation(
        "a key placed on no node is lost; name at least one",
        operation ->
            operation.setPlace(
                Place.newBuilder()
                    .setPlacement(
                        dev.trellis.wire.generated.Placement.newBuilder().setShardsPerNode(1))));
    assertRefusedOperation(
        "the placement of field \"\"; a field is where its key is",
        operation -> operation.getFieldBuilder().getReadBuilder().getPlacedBuilder());
    assertRefusedOperation(
        "a read of field \"\" without a read", operation -> operation.getFieldBuilder());
  }

  @Test
  void thresholdsThatMakeNoSenseAreRefusedWithTheRequestsId() {
    assertRefusedOperation("a wait for nothing", operation -> operation.getAwaitBuilder());
    assertRefusedOperation(
        "an operation that does not name its kind",
        operation -> operation.getAwaitBuilder().getAtLeastBuilder().setValue(3));
    assertRefusedOperation(
        "an operation that does not name its kind",
        operation -> operation.getAwaitBuilder().getEnabledBuilder());
    assertRefusedOperation(
        "unknown kind number 99",
        operation -> operation.getAwaitBuilder().getSeenBuilder().setKindValue(99));
    assertRefusedOperation(
        "a set is awaited to contain 0 elements; 1 to 1000 can be waited for at once",
        operation ->
            operation
                .getAwaitBuilder()
                .getContainsBuilder()
                .setKind(dev.trellis.wire.generated.Kind.KIND_GSET));
    assertRefusedOperation(
        "a threshold in field \"\"; only whole keys are waited for",
        operation ->
            operation
                .getFieldBuilder()
                .getReadBuilder()
                .getAwaitBuilder()
                .getSeenBuilder()
                .getDefaultInstanceForType());
  }

  private static void assertRefusedOperation(
      String why, Consumer<dev.trellis.wire.generated.Operation.Builder> operation) {
    var request =
        dev.trellis.wire.generated.Request.newBuilder()
            .setId(5)
            .setKey(ByteString.copyFromUtf8("k"));
    operation.accept(request.getOperationBuilder());
    WireException refusal =
        refusal(
            CODEC,
            dev.trellis.wire.generated.Frame.newBuilder().setSingle(request).build().toByteArray());
    assertEquals(why, refusal.getMessage());
    assertEquals(ErrorCode.BAD_REQUEST, refusal.code());
    assertEquals(OptionalLong.of(5), refusal.requestId());
  }

  @Test
  void tagsThatNameNothingAreRefusedWithTheIdOfTheRequest() {
    var request =
        dev.trellis.wire.generated.Request.newBuilder()
            .setId(5)
            .setKey(ByteString.copyFromUtf8("k"));
    request.getOperationBuilder().getIncrementBuilder().setBy(1);
    request.getTagBuilder().setHigh(1L << 16).setLow(2);
    WireException refusal = refusal(CODEC, single(request));
    assertEquals(
        "mutation 0 of invocation 00000000000100000000000000000002 is outside 1 to 4398046511103",
        refusal.getMessage());
    assertEquals(OptionalLong.of(5), refusal.requestId());
    request.getTagBuilder().setNumber(1).setLow(-1);
    assertEquals(
        "invocation id 0000000000010000ffffffffffffffff is none: the first digit is 0 to 7, the"
            + " seventeenth 0 to 3",
        refusal(CODEC, single(request)).getMessage());
  }

  private static byte[] single(dev.trellis.wire.generated.Request.Builder request) {
    return dev.trellis.wire.generated.Frame.newBuilder().setSingle(request).build().toByteArray();
  }

  @Test
  void countersWhoseTagsAreContradictoryAreRefused() {
    var counter = dev.trellis.wire.generated.Counter.newBuilder();
    var taken = counter.addTakenBuilder().setIncarnation(7);
    taken.addTaggedBuilder().setHigh(1).setLow(2).addNumbers(1).addNumbers(1).addAmounts(4);
    assertRefused("a counter with 2 tags and 1 amounts", merge(counter));
    taken.getTaggedBuilder(0).addAmounts(5);
    assertRefused(
        "a counter with two amounts of tag 00000000000000010000000000000002/1", merge(counter));
  }

  @Test
  void countersWhoseFoldsAreContradictoryAreRefused() {
    var counter = dev.trellis.wire.generated.Counter.newBuilder();
    var taken = counter.addTakenBuilder().setIncarnation(7).setBirth(1);
    assertRefused("a counter of which replica 7.1 has taken nothing", merge(counter));
    taken.setAdded(3);
    assertRefused(
        "a counter with 3 added and 0 removed by invocations born before 0, which is none or out"
            + " of range",
        merge(counter));
    taken.setFoldedBefore(-1);
    assertRefused(
        "a counter with 3 added and 0 removed by invocations born before 18446744073709551615,"
            + " which is none or out of range",
        merge(counter));
    taken.setFoldedBefore(5).setRemovedHigh(-1);
    assertRefused(
        "a counter with a folded sum of -18446744073709551616, which is not 0 to 2^127 - 1",
        merge(counter));
    taken.clearRemovedHigh();
    taken.addTaggedBuilder().setHigh(4L << 16).setLow(2).addNumbers(1).addAmounts(4);
    assertRefused(
        "a counter with an amount of tag 00000000000400000000000000000002/1, which is older than 5,"
            + " before which replica 7.1 has folded all",
        merge(counter));
    taken.clearTagged();
    counter.addTaken(taken.clone());
    assertRefused("a counter with two times what replica 7.1 has taken", merge(counter));
    taken.setBirth(-1);
    assertRefused("birth -1 is negative; births count up from 0", merge(counter));
  }

  private static byte[] merge(dev.trellis.wire.generated.Counter.Builder counter) {
    var request =
        dev.trellis.wire.generated.Request.newBuilder().setKey(ByteString.copyFromUtf8("k"));
    request
        .getOperationBuilder()
        .getMergeBuilder()
        .getEntryBuilder()
        .addValuesBuilder()
        .setKind(5)
        .setState(counter.build().toByteString());
    return single(request);
  }

  @Test
  void unknownFramesOperationsAndViewsAreNamedByNumber() {
    assertRefused("a frame that is empty", new byte[0]);
    assertRefused("unknown frame number 100", message(100, new byte[0]));
    byte[] request =
        concat(
            new byte[] {8, 3}, message(2, new byte[] {'k'}), message(3, message(60, new byte[0])));
    WireException refusal = refusal(CODEC, message(1, request));
    assertEquals("unknown operation number 60", refusal.getMessage());
    assertEquals(OptionalLong.of(3), refusal.requestId());
    byte[] reply = message(2, message(1, message(50, new byte[0])));
    assertRefused("unknown view number 50", message(3, reply));
  }

  @Test
  void unknownNumbersOfEnumsAreNamed() {
    var frame = dev.trellis.wire.generated.Frame.newBuilder();
    frame.getRefusedBuilder().setCodeValue(200);
    assertRefused("unknown error code number 200", frame.build().toByteArray());
    frame.getAnswerBuilder().getFailedBuilder().clearCode();
    assertRefused("unknown error code number 0", frame.build().toByteArray());
    frame.setHello(Hello.newBuilder().setScopeValue(3));
    assertRefused("unknown scope number 3", frame.build().toByteArray());
    frame.setWatch(Watch.newBuilder().setKey(ByteString.copyFromUtf8("k")).setKindValue(15));
    assertRefused("unknown kind number 15", frame.build().toByteArray());
    frame.getClusterMapBuilder().addNodesBuilder().setId("n").setTierValue(3);
    assertRefused("unknown tier number 3", frame.build().toByteArray());
    frame
        .getAnswerBuilder()
        .getFailedBuilder()
        .setCode(dev.trellis.wire.generated.ErrorCode.BAD_REQUEST)
        .getRetryAfterBuilder()
        .setNanos(-1);
    assertRefused("a duration with 4294967295 ns beside its seconds", frame.build().toByteArray());
  }

  @Test
  void aKindThatOnlyTheWriterOfAReplyKnowsReadsAsNone() throws WireException {
    var frame = dev.trellis.wire.generated.Frame.newBuilder();
    frame.getAnswerBuilder().setKindValue(15).getDoneBuilder();
    Frame.Answer answer = (Frame.Answer) CODEC.decode(ByteBuffer.wrap(frame.build().toByteArray()));
    assertEquals(Optional.empty(), answer.reply().kind());
    frame
        .getScannedBuilder()
        .addKeysBuilder()
        .addKindsValue(15)
        .addKinds(dev.trellis.wire.generated.Kind.KIND_MAX);
    Frame.Scanned scanned =
        (Frame.Scanned) CODEC.decode(ByteBuffer.wrap(frame.build().toByteArray()));
    assertEquals(List.of(Kind.MAX), scanned.keys().get(0).kinds());
  }

  @Test
  void whatAMessageMustHaveIsDemanded() {
    var frame = dev.trellis.wire.generated.Frame.newBuilder();
    frame.getWelcomeBuilder().setVersion(1);
    assertRefused("a welcome without limits", frame.build().toByteArray());
    frame.getWelcomeBuilder().getLimitsBuilder().setKeyBytesMax(0);
    assertRefused("limits.key 0 is outside 1 to 1024 bytes or keys", frame.build().toByteArray());
    frame.getAnswerBuilder().setId(4);
    assertRefused("a reply to request 4 without an outcome", frame.build().toByteArray());
    frame.getAnswerBuilder().setCopies(1).setDurableCopies(2).getDoneBuilder();
    assertRefused("receipt of 1 copies, 2 of them durable", frame.build().toByteArray());
    frame.getClusterMapBuilder().addNodesBuilder().setTier(Tier.TIER_MEMORY);
    assertRefused("node id '' must have 1 to 64 characters", frame.build().toByteArray());
  }

  @Test
  void malformedTextIsRefusedWithTheNameOfWhatItIs() {
    byte[] malformed = {(byte) 0xC3, 0x28};
    assertRefused(
        "the cluster name is not well-formed UTF-8 text", message(16, message(3, malformed)));
    assertRefused("the agent is not well-formed UTF-8 text", message(16, message(7, malformed)));
    assertRefused(
        "the message of a refusal is not well-formed UTF-8 text",
        message(18, message(2, malformed)));
    assertRefused(
        "the message of a failure is not well-formed UTF-8 text",
        message(3, message(3, message(2, malformed))));
    assertRefused(
        "the node id is not well-formed UTF-8 text",
        message(20, message(5, message(1, malformed))));
  }

  @Test
  void aFieldOfTheWrongWireTypeIsRefused() {
    assertRefused("field 21 has wire type 0, not 2", new byte[] {(byte) 0xA8, 1, 1});
    assertRefused(
        "field 1 has wire type 1, not 0", message(21, new byte[] {9, 0, 0, 0, 0, 0, 0, 0, 0}));
    assertRefused(
        "field 5 has wire type 3, not 0, 1, 2 or 5", message(21, new byte[] {5 << 3 | 3}));
  }

  @Test
  void referencesIntoTablesAreChecked() {
    var frame = dev.trellis.wire.generated.Frame.newBuilder();
    var records = frame.getAnswerBuilder().getDoneBuilder().getViewBuilder().getRecordsBuilder();
    records.addRecordsBuilder().setReplica(1);
    records.addReplicasBuilder();
    assertRefused("a record of replica 1 where 1 are listed", frame.build().toByteArray());
    records.setRecords(0, dev.trellis.wire.generated.LogRecord.newBuilder().setReplica(-1));
    assertRefused("a record of replica 4294967295 where 1 are listed", frame.build().toByteArray());
    records.setRecords(0, dev.trellis.wire.generated.LogRecord.newBuilder().setCounterStep(-1));
    assertRefused("dot counter 0 is below 1", frame.build().toByteArray());
    frame.setAnswer(
        dev.trellis.wire.generated.Reply.newBuilder()
            .setDone(
                dev.trellis.wire.generated.Done.newBuilder()
                    .setView(
                        dev.trellis.wire.generated.View.newBuilder()
                            .setRecords(LogRecords.newBuilder().setSeen(context(0, 1, 1))))));
    assertRefused("a causal context with 3 numbers, not pairs", frame.build().toByteArray());
  }

  @Test
  void runsBeyondTheRangeOfCountersAreRefused() {
    var frame = dev.trellis.wire.generated.Frame.newBuilder();
    var reply = frame.getAnswerBuilder();
    reply.getDoneBuilder();
    for (long[] runs :
        new long[][] {
          {Long.MAX_VALUE, 0}, {0, Long.MAX_VALUE}, {-1, 0}, {0, -1}, {1, 5, Long.MAX_VALUE, 1}
        }) {
      reply.setDots(context(runs));
      assertRefused("a run of 0.0 exceeds the range of counters", frame.build().toByteArray());
    }
    reply.setDots(context(0, Long.MAX_VALUE - 1));
    assertComesBack(decoded(frame.build().toByteArray()));
  }

  @Test
  void anEntryWithTwoValuesOfAKnownKindIsRefused() {
    var frame = dev.trellis.wire.generated.Frame.newBuilder();
    var request = frame.getSingleBuilder().setId(1).setKey(ByteString.copyFromUtf8("k"));
    var entry = request.getOperationBuilder().getMergeBuilder().getEntryBuilder();
    entry.addValues(Value.newBuilder().setKind(2)).addValues(Value.newBuilder().setKind(2));
    assertRefused("an entry with two values of kind max", frame.build().toByteArray());
    entry.clearValues();
    for (int kind = 100; kind < 165; kind++) {
      entry.addValues(Value.newBuilder().setKind(kind));
    }
    assertRefused("an entry with more than 64 kinds at once", frame.build().toByteArray());
    entry.clearValues().addValues(Value.newBuilder());
    assertRefused("kind number 0 of a value is outside 1 to 2^31-1", frame.build().toByteArray());
  }

  @Test
  void dotsThatStandMustFitTheirItemsAndTheirContext() {
    ReplicaId replica = new ReplicaId(0, 0);
    assertRefusedSet(
        "there are 0 items, but more dots stand",
        set -> set.addStanding(1).addStanding(0).addStanding(Long.MAX_VALUE - 1));
    assertRefusedSet(
        "there are 1 items, but 0 dots stand", set -> set.addElements(ByteString.EMPTY));
    assertRefusedSet(
        "more standing runs are announced than follow",
        set -> set.addStanding(2).addStanding(0).addStanding(0));
    assertRefusedSet("more standing runs are announced than follow", set -> set.addStanding(-1));
    assertRefusedSet(
        "dots stand of more replicas than the 1 that the context has",
        set -> set.addStanding(0).addStanding(0));
    assertRefusedSet(
        "a run of " + replica + " exceeds the range of counters",
        set -> set.addStanding(1).addStanding(Long.MAX_VALUE).addStanding(0));
    assertRefusedSet(
        "two items under the dot " + new Dot(replica, 1),
        set ->
            set.setContext(
                    dev.trellis.wire.generated.CausalContext.newBuilder()
                        .addHistories(dev.trellis.wire.generated.History.getDefaultInstance())
                        .addHistories(dev.trellis.wire.generated.History.getDefaultInstance()))
                .addAllStanding(List.of(1L, 0L, 0L, 1L, 0L, 0L))
                .addElements(ByteString.EMPTY)
                .addElements(ByteString.EMPTY));
  }

  private static void assertRefusedSet(
      String why, Consumer<dev.trellis.wire.generated.ObservedRemoveSet.Builder> content) {
    var set = dev.trellis.wire.generated.ObservedRemoveSet.newBuilder().setContext(context(0, 0));
    content.accept(set);
    var frame = dev.trellis.wire.generated.Frame.newBuilder();
    frame
        .getSingleBuilder()
        .setId(1)
        .setKey(ByteString.copyFromUtf8("k"))
        .getOperationBuilder()
        .getMergeBuilder()
        .getEntryBuilder()
        .addValuesBuilder()
        .setKind(Kind.ORSET.number())
        .setState(set.build().toByteString());
    assertRefused(why, frame.build().toByteArray());
  }

  private static dev.trellis.wire.generated.CausalContext context(long... runs) {
    var history = dev.trellis.wire.generated.History.newBuilder();
    for (long number : runs) {
      history.addRuns(number);
    }
    return dev.trellis.wire.generated.CausalContext.newBuilder().addHistories(history).build();
  }

  // ---- Help ----

  private static Frame request(long id, Operation operation) {
    return new Frame.Single(new Request(id, KEY, operation, RequestContext.READ));
  }

  private static Frame answer(View view) {
    return new Frame.Answer(
        new Reply(
            1,
            new Outcome.Done(view, 0, false),
            HybridTimestamp.ZERO,
            Optional.empty(),
            CausalContext.EMPTY,
            Receipt.NONE,
            HybridTimestamp.ZERO,
            0));
  }

  private static Frame decoded(byte[] bytes) {
    try {
      return CODEC.decode(ByteBuffer.wrap(bytes));
    } catch (WireException e) {
      throw new AssertionError("a legal frame is refused: " + e.getMessage(), e);
    }
  }

  private static void assertComesBack(Frame frame) {
    byte[] bytes = FrameCodec.encode(frame);
    Frame decoded = decoded(bytes);
    assertEquals(frame, decoded);
    assertArrayEquals(bytes, FrameCodec.encode(decoded));
  }

  private static WireException refusal(FrameCodec codec, byte[] bytes) {
    return assertThrows(WireException.class, () -> codec.decode(ByteBuffer.wrap(bytes)));
  }

  private static void assertRefused(String why, Frame frame) {
    assertRefused(why, FrameCodec.encode(frame));
  }

  private static void assertRefused(String why, byte[] bytes) {
    WireException refusal = refusal(CODEC, bytes);
    assertEquals(why, refusal.getMessage());
    assertEquals(ErrorCode.BAD_REQUEST, refusal.code());
  }

  /// A field of bytes, or a nested message.
  private static byte[] message(int field, byte[] content) {
    WireWriter out = new WireWriter(content.length + 8);
    out.alwaysBytes(field, Payload.of(content));
    return out.toBytes();
  }

  private static byte[] concat(byte[]... parts) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      all.writeBytes(part);
    }
    return all.toByteArray();
  }
}
