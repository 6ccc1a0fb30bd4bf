package dev.trellis.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.ReplicaId;
import dev.trellis.causal.Tag;
import dev.trellis.lattice.CausalRegister;
import dev.trellis.lattice.Counter;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Expiry;
import dev.trellis.lattice.GrowSet;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.LatticeMap;
import dev.trellis.lattice.Log;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.MaxRegister;
import dev.trellis.lattice.ObservedRemoveSet;
import dev.trellis.lattice.OpaqueValue;
import dev.trellis.lattice.Payload;
import dev.trellis.lattice.SortedSet;
import dev.trellis.lattice.Value;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/// The bytes of some frames and states, so that a change of the format shows. Peers of the version
/// before must be understood, and stored entries read: change what is here only by adding.
class GoldenBytesTest {
  private static final HybridTimestamp NOW = HybridTimestamp.of(1_700_000_000_000L, 1);
  private static final HybridTimestamp LATER = HybridTimestamp.of(1_700_000_000_001L, 0);
  private static final ReplicaId A = new ReplicaId(0x0123_4567_89AB_CDEFL, 0);
  private static final ReplicaId B = new ReplicaId(0x7123_4567_89AB_CDEFL, 2);
  private static final ReplicaId C = new ReplicaId(-1, 300);
  private static final InvocationId INVOCATION =
      new InvocationId(1_700_000_000_000L << 16 | 0xBEEF, 0x0123_4567_89AB_CDEFL);
  private static final InvocationId LATER_INVOCATION =
      new InvocationId(1_700_000_000_001L << 16, 1);
  private static final Payload KEY = Payload.ofText("key");
  private static final Payload VALUE = Payload.ofText("value");

  @Test
  void theHandshake() {
    assertBytes(
        "820124080110011a077472656c6c69732188776655443322112802320576616c75653a03" + "742f31",
        new Frame.Hello(1, 1, "trellis", 0x1122_3344_5566_7788L, Frame.Scope.NODE, VALUE, "t/1"));
    assertBytes(
        "8a013b080112077472656c6c69731a066e6f64652d31200329feffffffffffffff310100"
            + "0068e5cf8b013a100880081080808008188080801020904e4005",
        new Frame.Welcome(1, "trellis", "node-1", 3, -2, NOW, Limits.DEFAULT, 5));
    assertBytes(
        "8a013e080112077472656c6c69731a066e6f64652d31200329feffffffffffffff310100"
            + "0068e5cf8b013a1008800810808080081880808010"
            + "20904e40054a0161",
        new Frame.Welcome(1, "trellis", "node-1", 3, -2, NOW, Limits.DEFAULT, 5, "a"));
    assertBytes("9201080806120477686f3f", new Frame.Refused(ErrorCode.UNAUTHENTICATED, "who?"));
  }

  @Test
  void theHandshakeOfReplicas() {
    assertBytes(
        "82013b080110021a0174210500000000000000280142270a0f0a026e3111feffffffffff"
            + "ffff1803120d0a026e321109000000000000001880d095ffbc31",
        new Frame.Hello(
            1,
            2,
            "t",
            5,
            Frame.Scope.SHARD,
            Payload.EMPTY,
            "",
            Optional.of(
                new Frame.Introduction(
                    new Peer("n1", -2, 3), new Peer("n2", 9, 0), 1_700_000_000_000L))));
  }

  @Test
  void messagesBetweenReplicas() {
    PeerMessage.Change change =
        new PeerMessage.Change(
            KEY,
            Entry.of(NOW, new MaxRegister(1)),
            Optional.of(new PlacementSetting(LATER, -1, NOW, Optional.of(new Placement(2, 1, 1)))),
            true);
    assertBytes(
        "524f0a4d08ac021101000068e5cf8b011a3f0a036b657912110901000068e5cf8b011a06"
            + "0802120208021a230900000168e5cf8b0111ffffffffffffffff1a060802100118012101"
            + "000068e5cf8b012001",
        new Frame.FromPeer(new PeerMessage.Changes(300, NOW, List.of(change))));
    assertBytes(
        "52170a1508ac021101000068e5cf8b01210500000000000000",
        new Frame.FromPeer(new PeerMessage.Changes(300, NOW, List.of(), 5)));
    assertBytes(
        "5211720f082c120b080110011a050a036b6579",
        new Frame.FromPeer(
            new PeerMessage.FetchSent(
                44,
                new PeerMessage.Fetched(
                    1,
                    true,
                    0,
                    new PeerMessage.Change(KEY, Entry.BOTTOM, Optional.empty(), false)))));
    assertBytes("ba010708051203000102", new Frame.PeerPiece(5, Payload.of(new byte[] {0, 1, 2})));
    assertBytes(
        "521c121a08ac021101000068e5cf8b01180121020000000000000028ab02",
        new Frame.FromPeer(new PeerMessage.Received(300, NOW, true, 2, 299, 0)));
    assertBytes("52091a07080112036b6579", new Frame.FromPeer(new PeerMessage.Fetch(1, KEY)));
    assertBytes(
        "520d220b080110011a050a036b6579",
        new Frame.FromPeer(
            new PeerMessage.Fetched(
                1, true, 0, new PeerMessage.Change(KEY, Entry.BOTTOM, Optional.empty(), false))));
    assertBytes(
        "520b2a09080110021a0300ac02",
        new Frame.FromPeer(new PeerMessage.DigestsAsked(1, 2, List.of(0, 300))));
    assertBytes(
        "521c321a080110021a1408ac0211ffffffffffffffff1807200128013001",
        new Frame.FromPeer(
            new PeerMessage.Digests(
                1, 2, 0, List.of(new PeerMessage.RangeDigest(300, -1, 7, true, true, true)))));
    assertBytes("52093a070801100318ac02", new Frame.FromPeer(new PeerMessage.KeysAsked(1, 3, 300)));
    assertBytes(
        "521d421b0801100318ac022208ffffffffffffffff2a080200000000000000",
        new Frame.FromPeer(
            new PeerMessage.Keys(1, 3, 300, List.of(new PeerMessage.KeyDigest(-1, 2)))));
    assertBytes(
        "52114a0f080110ac021a08ffffffffffffffff",
        new Frame.FromPeer(new PeerMessage.Wanted(1, 300, List.of(-1L))));
    assertBytes("52095207080110ac021805", new Frame.FromPeer(new PeerMessage.Sent(1, 300, 5)));
    assertBytes(
        "52455a430801123f0a036b657912110901000068e5cf8b011a060802120208021a230900"
            + "000168e5cf8b0111ffffffffffffffff1a060802100118012101000068e5cf8b012001",
        new Frame.FromPeer(new PeerMessage.CollectAsked(1, List.of(change), 0)));
    assertBytes(
        "52075a05080118ac02", new Frame.FromPeer(new PeerMessage.CollectAsked(1, List.of(), 300)));
    assertBytes(
        "52086206080112020002",
        new Frame.FromPeer(new PeerMessage.CollectVoted(1, List.of(0, 2), 0)));
    assertBytes(
        "520b620908011202000218ac02",
        new Frame.FromPeer(new PeerMessage.CollectVoted(1, List.of(0, 2), 300)));
    assertBytes(
        "52106a0e0901000068e5cf8b0112036b6579",
        new Frame.FromPeer(new PeerMessage.Collect(NOW, List.of(KEY), 0)));
    assertBytes(
        "52136a110901000068e5cf8b0112036b657918ac02",
        new Frame.FromPeer(new PeerMessage.Collect(NOW, List.of(KEY), 300)));
  }

  @Test
  void requests() {
    assertBytes(
        "0a1d080112036b65791a0912070a0576616c756520072901000068e5cf8b01",
        new Frame.Single(
            new Request(1, KEY, new Mutation.Put(VALUE), RequestContext.mutation(7, NOW))));
    assertBytes(
        "12290a0c08ac0212036b65791a020a000a1908ad0212036b65791a0f3a0d0a0576616c75"
            + "6512040a020805",
        new Frame.Batch(
            List.of(
                new Request(300, KEY, Read.Get.ANY, RequestContext.READ),
                new Request(
                    301,
                    KEY,
                    new Read.Field(VALUE, new Read.Get(Optional.of(Kind.COUNTER))),
                    RequestContext.READ))));
    assertBytes(
        "0a41080212036b65791a16ba01130a110a0f09efcdab89674523011a0400010600200829"
            + "01000068e5cf8b013100000000000000003802400148e0d403506458056001",
        new Frame.Single(
            new Request(
                2,
                KEY,
                new Mutation.Trim(CausalContext.of(new Dot(A, 1), new Dot(A, 2), new Dot(A, 9))),
                new RequestContext(
                    8,
                    true,
                    NOW,
                    Optional.of(HybridTimestamp.ZERO),
                    Acknowledgement.REPLICATED,
                    ReadMode.ALL,
                    60_000,
                    100,
                    5))));
  }

  @Test
  void placements() {
    assertBytes(
        "0a1f080112036b65791a0bca01080a0608031001180220072901000068e5cf8b01",
        new Frame.Single(
            new Request(
                1,
                KEY,
                new Mutation.Place(Optional.of(new Placement(3, 1, 2))),
                RequestContext.mutation(7, NOW))));
    assertBytes(
        "12270a17080112036b65791a03ca010020072901000068e5cf8b010a0c080212036b6579" + "1a03aa0200",
        new Frame.Batch(
            List.of(
                new Request(
                    1, KEY, new Mutation.Place(Optional.empty()), RequestContext.mutation(7, NOW)),
                new Request(2, KEY, new Read.Placed(), RequestContext.READ))));
    assertBytes(
        "1a210802120c0a0a6a080a041002180110014901000068e5cf8b0150055a0410021801",
        new Frame.Answer(
            new Reply(
                2,
                new Outcome.Done(new View.Placed(new Placement(0, 2, 1), true), 0, false),
                HybridTimestamp.ZERO,
                Optional.empty(),
                CausalContext.EMPTY,
                Receipt.NONE,
                NOW,
                5,
                Optional.of(new Placement(0, 2, 1)),
                List.of())));
  }

  @Test
  void thresholds() {
    assertAwaited("0a12080112036b65791a09b202060a0408021014", new Threshold.AtLeast(Kind.MAX, 10));
    assertAwaited(
        "0a12080112036b65791a09b202061204080310" + "13", new Threshold.AtMost(Kind.MIN, -10));
    assertAwaited(
        "0a13080112036b65791a0ab202071a050806120161",
        new Threshold.Contains(Kind.GSET, List.of(Payload.ofText("a"))));
    assertAwaited("0a10080112036b65791a07b2020422020804", new Threshold.Enabled(Kind.FLAG));
    assertAwaited(
        "0a0e080112036b65791a05b202022a00", new Threshold.Seen(Optional.empty(), Optional.empty()));
  }

  private static void assertAwaited(String operation, Threshold threshold) {
    Request request = new Request(1, KEY, new Read.Await(threshold), RequestContext.READ);
    assertBytes(operation, new Frame.Single(request));
  }

  @Test
  void generationsOfFields() {
    assertBytes(
        "0a34080112036b65791a0d320b0a0576616c756512024a0020072901000068e5cf8b01"
            + "3100000000000000006a0801000068e5cf8b01",
        new Frame.Single(
            new Request(
                1,
                KEY,
                new Mutation.UpdateField(VALUE, new Mutation.Delete()),
                RequestContext.mutation(7, NOW)
                    .withGeneration(Optional.of(HybridTimestamp.ZERO))
                    .withFieldGenerations(List.of(NOW)))));
    assertBytes(
        "1a27080212021001280a38014901000068e5cf8b015005621000000000000000000100" + "0068e5cf8b01",
        new Frame.Answer(
            new Reply(
                2,
                new Outcome.Done(new View.Nothing(), 1, false),
                HybridTimestamp.ZERO,
                Optional.of(Kind.MAP),
                CausalContext.EMPTY,
                new Receipt(1, 0),
                NOW,
                5,
                Optional.empty(),
                List.of(HybridTimestamp.ZERO, NOW))));
  }

  @Test
  void aNodeWithAllThatItCanHave() {
    assertBytes(
        "a20143080110021a077472656c6c697320012a320a066e6f64652d3110021a093132372e"
            + "302e302e312202ce3a28cd3a31feffffffffffffff380140034a047765737450cc3a",
        new Frame.ClusterMap(
            1,
            2,
            "trellis",
            1,
            List.of(
                new NodeDescriptor(
                    "node-1",
                    NodeDescriptor.Tier.SSD,
                    "127.0.0.1",
                    List.of(7_502),
                    7_501,
                    -2,
                    1,
                    NodeDescriptor.State.LEAVING,
                    "west",
                    7_500))));
  }

  @Test
  void replies() {
    assertBytes(
        "1a19080112060a02180b1001280538014901000068e5cf8b015005",
        new Frame.Answer(
            new Reply(
                1,
                new Outcome.Done(new View.Whole(-6), 1, false),
                HybridTimestamp.ZERO,
                Optional.of(Kind.COUNTER),
                CausalContext.EMPTY,
                new Receipt(1, 0),
                NOW,
                5)));
    assertBytes(
        "2291010a220802120218012101000068e5cf8b0132110a0f09efcdab896745237110021a"
            + "0200000a2f08021a0f080d1204627573791a051080dac4092101000068e5cf8b0132110a"
            + "0f09efcdab896745237110021a0200000a3a0802121a0a183a160a140a036b657910011a"
            + "0b12090a0576616c756510092101000068e5cf8b0132110a0f09efcdab89674523711002"
            + "1a020000",
        new Frame.Answers(
            List.of(
                reply(new Outcome.Done(new View.Nothing(), 0, true)),
                reply(
                    new Outcome.Failed(
                        ErrorCode.OVERLOADED, "busy", Optional.of(Duration.ofMillis(20)))),
                reply(
                    new Outcome.Done(
                        new View.Fields(
                            new TreeMap<>(
                                Map.of(
                                    KEY,
                                    new View.Field(
                                        Optional.of(Kind.LWW), new View.Bytes(VALUE, 9))))),
                        0,
                        false)))));
  }

  private static Reply reply(Outcome outcome) {
    return new Reply(
        2,
        outcome,
        NOW,
        Optional.empty(),
        CausalContext.of(new Dot(B, 1)),
        Receipt.NONE,
        HybridTimestamp.ZERO,
        0);
  }

  @Test
  void otherFrames() {
    assertBytes("2a09080112036b6579180e", new Frame.Watch(1, KEY, Optional.of(Kind.LOG)));
    assertBytes(
        "2a0b080112036b657920013001", new Frame.Watch(1, KEY, Optional.empty(), true, true));
    assertBytes(
        "420d080112036b65791a0020642801",
        new Frame.Scan(1, KEY, Optional.of(Payload.EMPTY), 100, true));
    assertBytes(
        "4a130801120d0a036b6579120202031a0220001801",
        new Frame.Scanned(
            1,
            List.of(new Frame.ScannedKey(KEY, List.of(Kind.MAX, Kind.MIN), new View.Truth(false))),
            true,
            Optional.empty()));
    assertBytes(
        "a2013c080110021a077472656c6c697320012a2b0a066e6f64652d3110011a093132372e"
            + "302e302e312204ce3acf3a28cd3a31feffffffffffffff38014002",
        new Frame.ClusterMap(
            1,
            2,
            "trellis",
            1,
            List.of(
                new NodeDescriptor(
                    "node-1",
                    NodeDescriptor.Tier.MEMORY,
                    "127.0.0.1",
                    List.of(7_502, 7_503),
                    7_501,
                    -2,
                    1,
                    NodeDescriptor.State.ACTIVE))));
    assertBytes("aa010408011001", new Frame.Ping(1, true));
    assertBytes("b2010b08011101000068e5cf8b01", new Frame.Pong(1, NOW));
    assertBytes("b2011408011101000068e5cf8b011901000068e5cf8b01", new Frame.Pong(1, NOW, NOW));
  }

  @Test
  void states() {
    assertBytes(
        "1a24080112200901000068e5cf8b0111ffffffffffffffff18e0a499ffbc31220576616c" + "7565",
        LwwRegister.of(NOW, -1, 1_700_000_060_000L, VALUE));
    assertBytes("1a16080112120901000068e5cf8b0111ffffffffffffffff", LwwRegister.tombstone(NOW, -1));
    assertBytes("1a070802120308d704", new MaxRegister(-300));
    assertBytes(
        "1a230805121f0a0b09efcdab896745230118050a1009efcdab89674523711002180120ac" + "02",
        Counter.of(Map.of(A, new Counter.Sums(5, 0), B, new Counter.Sums(1, 300))));
    assertBytes(
        "1a9f010805129a010a0b09efcdab89674523011805122609ffffffffffffffff10ac0242"
            + "1809efbe0068e5cf8b0111efcdab89674523011a010122010a124509efcdab8967452301"
            + "18ac022007421b09efbe0068e5cf8b0111efcdab89674523011a0301ac0222020a034218"
            + "0900000168e5cf8b011101000000000000001a0101220102121c09efcdab896745237110"
            + "0218ac0220ffffffffffffffff7f30013801",
        Counter.of(
            Map.of(A, new Counter.Sums(5, 0)),
            Map.of(
                A, new Counter.Fold(300, BigInteger.valueOf(7), BigInteger.ZERO),
                B,
                    new Counter.Fold(
                        300,
                        BigInteger.valueOf(-1L >>> 1),
                        BigInteger.TWO.pow(64).add(BigInteger.ONE))),
            Map.of(
                A,
                Map.of(
                    new Tag(INVOCATION, 1), 5L,
                    new Tag(INVOCATION, 300), -2L,
                    new Tag(LATER_INVOCATION, 1), 1L),
                C,
                Map.of(new Tag(INVOCATION, 1), 5L))));
    assertBytes(
        "1a120806120e0a000a036b65790a0576616c7565", GrowSet.of(List.of(VALUE, KEY, Payload.EMPTY)));
    assertBytes(
        "1a410807123d0a220a0d09efcdab89674523011a0200020a1109efcdab89674523711002"
            + "1a040000050012060101010106001a036b65791a0576616c75651a036b6579",
        ObservedRemoveSet.of(
            Map.of(new Dot(A, 2), KEY, new Dot(A, 3), VALUE, new Dot(B, 7), KEY),
            CausalContext.of(new Dot(A, 1), new Dot(B, 1))));
    assertBytes(
        "1a3f0809123b0a10ffffffffffffffff010000000000000012180a036b65791080808880"
            + "adf9e78b03210000000000000080120d0a0576616c756510fdff071801",
        SortedSet.of(
            Map.of(
                KEY, new SortedSet.Score(LATER, -1, OptionalDouble.of(-0.0)),
                VALUE, new SortedSet.Score(NOW, 1, OptionalDouble.empty()))));
    assertBytes(
        "1a2d080a12290a180a036b657912110901000068e5cf8b011a060802120208020a0d0a05"
            + "76616c756512041a020805",
        LatticeMap.of(
            Map.of(
                KEY, Entry.of(NOW, new MaxRegister(1)),
                VALUE, Entry.of(HybridTimestamp.ZERO, Counter.ZERO))));
    assertBytes(
        "1a4f080b124b0a200a0d09efcdab89674523011a0200000a0f09efcdab89674523711002"
            + "1a0203001204000103001a210a0576616c756510091a160a036b6579120f0a0d09efcdab"
            + "89674523011a020000",
        CausalRegister.of(
            Map.of(
                new Dot(B, 4),
                new CausalRegister.Sibling(
                    VALUE, 9, new TreeMap<>(Map.of(KEY, CausalContext.of(new Dot(A, 1)))))),
            CausalContext.of(new Dot(A, 1))));
    assertBytes(
        "1a58080e12540a0f0a0d09efcdab89674523011a020000120909efcdab8967452301120b"
            + "09efcdab896745237110021a110882808080adf9e78b03180222036b65791a0b08feff07"
            + "220576616c75651a091001220576616c7565",
        Log.of(
            Map.of(
                new Log.Position(NOW, new Dot(A, 2)), KEY,
                new Log.Position(LATER, new Dot(B, 1)), VALUE,
                new Log.Position(LATER, new Dot(A, 3)), VALUE),
            CausalContext.of(new Dot(A, 1))));
    assertBytes(
        "1a07086312036b65791a090863120576616c7565", OpaqueValue.of(99, List.of(VALUE, KEY)));
  }

  @Test
  void anEntryWithAllThatItCanHave() throws WireException {
    Entry entry =
        Entry.of(
            NOW,
            Optional.of(new Expiry(LATER, 3, 1_700_000_060_000L)),
            List.of(new MaxRegister(1), GrowSet.EMPTY));
    String expected =
        "0901000068e5cf8b0112190900000168e5cf8b0111030000000000000018e0a499ffbc31"
            + "1a060802120208021a020806";
    assertEquals(expected, hex(LatticeCodec.encode(entry).toBytes()));
    assertEquals(entry, LatticeCodec.decode(ByteBuffer.wrap(HexFormat.of().parseHex(expected))));
  }

  private static void assertBytes(String expected, Frame frame) {
    assertEquals(expected, hex(FrameCodec.encode(frame)));
  }

  private static void assertBytes(String expected, Value<?> value) {
    assertEquals(
        expected, hex(LatticeCodec.encode(Entry.of(HybridTimestamp.ZERO, value)).toBytes()));
  }

  private static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }
}
