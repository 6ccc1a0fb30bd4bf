package dev.trellis.node.net;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Peer;
import dev.trellis.wire.VersionRange;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/// Which versions of the protocol a node of version 3 serves, be it clients or other replicas.
class VersionsTest {
  private static final VersionRange THREE = VersionRange.upTo(3);
  private static final Peer A = new Peer("a", 1, 0);
  private static final Peer B = new Peer("b", 2, 0);

  private static Frame.Hello hello(VersionRange versions, Optional<Frame.Introduction> peer) {
    return new Frame.Hello(
        versions.oldest(),
        versions.newest(),
        "trellis",
        1,
        Frame.Scope.SHARD,
        Payload.EMPTY,
        peer.isPresent() ? "node b" : "robot 3",
        peer);
  }

  private static Optional<String> toClient(VersionRange versions) {
    return Handshake.objection(hello(versions, Optional.empty()), "trellis", THREE);
  }

  private static Optional<String> toPeer(VersionRange versions) {
    Frame.Introduction introduction = new Frame.Introduction(B, A, 0);
    return Handshake.objection(hello(versions, Optional.of(introduction)), "trellis", THREE);
  }

  private static Optional<String> toAnswer(int version) {
    Frame.Welcome welcome =
        new Frame.Welcome(version, "trellis", "b", 0, 9, HybridTimestamp.ZERO, Limits.DEFAULT, 1);
    return Handshake.objection(welcome, B, A, "trellis", THREE);
  }

  @Test
  void theSameVersionAndTheNeighboursAreServed() {
    for (VersionRange versions :
        new VersionRange[] {
          THREE, VersionRange.upTo(2), VersionRange.upTo(4), new VersionRange(2, 2)
        }) {
      assertEquals(Optional.empty(), toClient(versions));
      assertEquals(Optional.empty(), toPeer(versions));
    }
    assertEquals(Optional.empty(), toAnswer(3));
    assertEquals(Optional.empty(), toAnswer(2));
  }

  @Test
  void twoVersionsBackOrAheadIsRefusedByName() {
    assertEquals(
        Optional.of("this node speaks protocol versions 2 to 3, robot 3 speaks 1 to 1"),
        toClient(VersionRange.upTo(1)));
    assertEquals(
        Optional.of("this node speaks protocol versions 2 to 3, node b speaks 1 to 1"),
        toPeer(VersionRange.upTo(1)));
    assertEquals(
        Optional.of("this node speaks protocol versions 2 to 3, node b speaks 4 to 5"),
        toPeer(VersionRange.upTo(5)));
    assertEquals(
        Optional.of("it answers in protocol version 1, node a speaks 2 to 3"), toAnswer(1));
    assertEquals(
        Optional.of("it answers in protocol version 4, node a speaks 2 to 3"), toAnswer(4));
  }
}
