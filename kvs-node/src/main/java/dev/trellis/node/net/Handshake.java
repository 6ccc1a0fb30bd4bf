package dev.trellis.node.net;

import dev.trellis.node.membership.Incarnation;
import dev.trellis.node.membership.MembershipView;
import dev.trellis.process.Units;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Peer;
import dev.trellis.wire.VersionRange;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The rules of the first exchange. Pure.
final class Handshake {
  private Handshake() {}

  /// Why nobody with this Hello is served here; empty if all is well.
  ///
  /// @param spoken the versions that this node speaks
  static Optional<String> objection(Frame.Hello hello, String clusterName, VersionRange spoken) {
    if (spoken.shared(hello.versions()).isEmpty()) {
      return Optional.of(
          "this node speaks protocol versions "
              + spoken
              + ", "
              + hello.agent()
              + " speaks "
              + hello.versions());
    }
    if (!hello.clusterName().isEmpty() && !hello.clusterName().equals(clusterName)) {
      return Optional.of(
          "this node belongs to cluster '"
              + clusterName
              + "', not to cluster '"
              + hello.clusterName()
              + "'");
    }
    return Optional.empty();
  }

  /// Why a replica that introduces itself is not listened to; empty if it is.
  ///
  /// A clock that seems to be behind is not refused here, as a Hello that took its time looks the
  /// same: the other side, which knows when it asked and when the answer came, finds it; see
  /// [#skew].
  ///
  /// @param self who listens here
  /// @param view the latest; null before the first
  /// @param skewMax furthest that clocks may be apart
  static Optional<Frame.Refused> objection(
      Frame.Introduction introduction,
      Peer self,
      @Nullable MembershipView view,
      long nowMillis,
      Duration skewMax) {
    Peer from = introduction.from();
    Peer to = introduction.to();
    if (!to.equals(self)) {
      return Optional.of(
          new Frame.Refused(
              ErrorCode.BAD_REQUEST,
              "this is " + named(self) + ", but " + named(to) + " was meant by " + from));
    }
    if (from.nodeId().equals(self.nodeId())) {
      return Optional.of(
          new Frame.Refused(
              ErrorCode.BAD_REQUEST,
              "two nodes have the id "
                  + self.nodeId()
                  + ", in the lives "
                  + life(from)
                  + " and "
                  + life(self)
                  + "; ids are unique in a cluster"));
    }
    if (view != null && view.gone().contains(Incarnation.of(from))) {
      return Optional.of(stale(from));
    }
    if (introduction.timeMillis() > nowMillis + skewMax.toMillis()) {
      return Optional.of(
          new Frame.Refused(
              ErrorCode.CLOCK_SKEW,
              skewed(from, introduction.timeMillis(), self, nowMillis, skewMax)));
    }
    return Optional.empty();
  }

  /// What to tell a replica that was declared gone.
  static Frame.Refused stale(Peer from) {
    return new Frame.Refused(
        ErrorCode.STALE_PEER,
        "node "
            + from.nodeId()
            + " was declared gone in its life "
            + life(from)
            + "; it must start anew");
  }

  /// Why a replica that answered is not the one to talk to; empty if it is.
  static Optional<String> objection(
      Frame.Welcome welcome, Peer peer, Peer self, String clusterName, VersionRange spoken) {
    if (!welcome.clusterName().equals(clusterName)) {
      return Optional.of(
          "it belongs to cluster '"
              + welcome.clusterName()
              + "', node "
              + self.nodeId()
              + " to cluster '"
              + clusterName
              + "'");
    }
    if (!welcome.nodeId().equals(peer.nodeId()) || welcome.shard() != peer.shard()) {
      return Optional.of(
          "shard " + welcome.shard() + " of node " + welcome.nodeId() + " answers there");
    }
    if (welcome.version() < spoken.oldest() || welcome.version() > spoken.newest()) {
      return Optional.of(
          "it answers in protocol version "
              + welcome.version()
              + ", node "
              + self.nodeId()
              + " speaks "
              + spoken);
    }
    return Optional.empty();
  }

  /// What is to be said if a peer's clock, read somewhere between two readings of the own, is
  /// certainly too far away; empty if it may not be.
  static Optional<String> skew(
      Peer self, Peer peer, long askedMillis, long nowMillis, long peerMillis, Duration skewMax) {
    boolean ahead = peerMillis > nowMillis + skewMax.toMillis();
    boolean behind = peerMillis < askedMillis - skewMax.toMillis();
    return ahead || behind
        ? Optional.of(skewed(peer, peerMillis, self, nowMillis, skewMax))
        : Optional.empty();
  }

  private static String skewed(
      Peer one, long oneMillis, Peer other, long otherMillis, Duration skewMax) {
    return "the clock of node "
        + one.nodeId()
        + " is at "
        + Instant.ofEpochMilli(oneMillis)
        + ", that of node "
        + other.nodeId()
        + " at "
        + Instant.ofEpochMilli(otherMillis)
        + "; they may differ by at most "
        + Units.text(skewMax)
        + " (clock.skew.max)";
  }

  private static String named(Peer peer) {
    return peer + " in its life " + life(peer);
  }

  private static String life(Peer peer) {
    return Long.toHexString(peer.incarnation());
  }
}
