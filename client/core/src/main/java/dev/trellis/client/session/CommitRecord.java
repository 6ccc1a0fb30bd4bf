package dev.trellis.client.session;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.TrellisException;
import dev.trellis.lattice.CommitId;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.ReadMode;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import dev.trellis.wire.WireException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/// What a commit of several keys writes to one of them, kept under a key of its own before any of
/// them is written: so whoever sees the commit in one of them can have the rest. A batch of one
/// request, a [Mutation.Commit].
///
/// There is one for each key, whose name ends in that key, since whoever may not read a key must
/// not read here what is written to it.
final class CommitRecord {
  /// How long it is kept: longer than a client that died in the middle of it goes unnoticed.
  static final Duration TTL = Duration.ofDays(1);

  private static final FrameCodec CODEC = new FrameCodec(Limits.DEFAULT);

  private static final CommitId LONGEST = new CommitId(HybridTimestamp.ZERO, 0);

  private CommitRecord() {}

  /// The key of the record for a key.
  static Payload key(CommitId id, Payload key) {
    Payload prefix =
        Payload.ofText(
            "_trellis/commit/%016x/%016x/".formatted(id.writer(), id.timestamp().packed()));
    byte[] name = new byte[prefix.size() + key.size()];
    prefix.copyTo(name, 0);
    key.copyTo(name, prefix.size());
    return Payload.of(name);
  }

  /// The longest key that may be committed to together with others.
  static int keyBytesMax() {
    return Limits.DEFAULT.keyBytesMax() - key(LONGEST, Payload.EMPTY).size();
  }

  /// One part of a record.
  static Request part(Payload key, Mutation.Commit commit, HybridTimestamp stamp, long ttlMillis) {
    return new Request(
        0,
        key,
        commit,
        new RequestContext(
            0,
            false,
            stamp,
            Optional.empty(),
            Acknowledgement.DEFAULT,
            ReadMode.ANY,
            ttlMillis,
            0,
            0));
  }

  static Payload encode(Request part) {
    return Payload.of(FrameCodec.encode(new Frame.Batch(List.of(part))));
  }

  static Request decode(Payload record) {
    try {
      if (CODEC.decode(ByteBuffer.wrap(record.toBytes())) instanceof Frame.Batch batch
          && batch.requests().size() == 1) {
        return batch.requests().getFirst();
      }
      throw malformed("it is no batch of one request");
    } catch (WireException e) {
      throw malformed(String.valueOf(e.getMessage()));
    }
  }

  private static TrellisException malformed(String why) {
    return TrellisException.of(
        ErrorCode.SESSION_UNAVAILABLE, "the record of a commit can't be read: " + why);
  }
}
