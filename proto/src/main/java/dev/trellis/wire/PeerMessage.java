package dev.trellis.wire;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Payload;
import java.util.List;
import java.util.Optional;

/// What replicas tell each other. Any message may be lost, come late, come twice or overtake
/// another; what must arrive is numbered and sent again until it is acknowledged.
public sealed interface PeerMessage {
  /// A numbered batch of states and deltas. The receiver merges batches in the order of their
  /// numbers, each once, and acknowledges the last one it has merged.
  ///
  /// @param sequence counts from 1 in its low 40 bits, the upper ones number the session between
  ///   the two, which starts anew after the sender had dropped what was not acknowledged, or the
  ///   receiver has forgotten what it had; a batch without changes has the number of the last one
  ///   before it, and is not acknowledged
  /// @param clock the sender's
  /// @param ringVersion if not 0, the clock is a watermark: all that was first written at the
  ///   sender up to then, and that the receiver shall hold by the ring of this version, is in this
  ///   batch or before it
  record Changes(long sequence, HybridTimestamp clock, List<Change> changes, long ringVersion)
      implements PeerMessage {
    public Changes {
      changes = List.copyOf(changes);
    }

    /// A batch that is no watermark.
    public Changes(long sequence, HybridTimestamp clock, List<Change> changes) {
      this(sequence, clock, changes, 0);
    }
  }

  /// A state or delta of one key.
  ///
  /// @param placement what was decided about the key's placement, if anything
  /// @param whole whether this is all that a complete replica has of the key; else it may be a part
  record Change(Payload key, Entry entry, Optional<PlacementSetting> placement, boolean whole) {}

  /// Acknowledges all batches up to `sequence`.
  ///
  /// @param clock the sender's
  /// @param leaving whether the sender is about to leave the cluster, so that what it has merged
  ///   does not count as a copy
  /// @param ringVersion of the sender's view of the cluster
  /// @param since the batches after this one were merged under that view
  /// @param durable all batches up to this one are on disk; 0 where nothing is kept on disk, or
  ///   nothing is there yet
  record Received(
      long sequence,
      HybridTimestamp clock,
      boolean leaving,
      long ringVersion,
      long since,
      long durable)
      implements PeerMessage {}

  /// Asks for the state of one key.
  ///
  /// @param id chosen by the asker
  record Fetch(long id, Payload key) implements PeerMessage {}

  /// Answers [Fetch].
  ///
  /// @param complete whether the answering replica has all of the key's range, so that a bottom
  ///   entry means that the key was never written
  /// @param ringVersion of the answering replica's view of the cluster
  record Fetched(long id, boolean complete, long ringVersion, Change state)
      implements PeerMessage {}

  /// Answers [Fetch] where the state is so large that it comes in parts, in batches.
  ///
  /// @param sequence of the batch with the last part: once it is merged, the answer holds
  /// @param answer of which the state, but for its key and placement, came in the batches
  record FetchSent(long sequence, Fetched answer) implements PeerMessage {}

  /// Asks for digests of ranges of the hash space.
  ///
  /// @param id chosen by the asker
  /// @param level how fine the ranges are, see [RangeDigest]
  record DigestsAsked(long id, int level, List<Integer> ranges) implements PeerMessage {
    public DigestsAsked {
      ranges = List.copyOf(ranges);
    }
  }

  /// Answers [DigestsAsked].
  ///
  /// @param ringVersion of the answering replica's view of the cluster
  record Digests(long id, int level, long ringVersion, List<RangeDigest> digests)
      implements PeerMessage {
    public Digests {
      digests = List.copyOf(digests);
    }
  }

  /// The sum of the digests of all keys in a range. Ranges of level 0 are everything, of level 1
  /// groups of partitions, of level 2 partitions, of level 3 parts of a partition.
  ///
  /// @param digest sum of the keys' digests, 0 for none
  /// @param keys how many there are
  /// @param complete level 2 and finer: whether the answering replica has all of the partition;
  ///   level 0: whether, by the ring of its view, it has nothing that others shall have instead and
  ///   may lack; older replicas never say so
  /// @param holder level 2 and finer: whether it belongs to those that shall hold the partition
  /// @param knows level 2 and finer: whether it takes the asker for one that holds the partition,
  ///   and so tells it each write. False beside `complete` and the asker's own ring version means
  ///   that it holds the partition again, and had all of it when it held it before
  record RangeDigest(
      int range, long digest, long keys, boolean complete, boolean holder, boolean knows) {}

  /// Asks for the digest of each key in a range of level 2 or 3.
  record KeysAsked(long id, int level, int range) implements PeerMessage {}

  /// Answers [KeysAsked].
  record Keys(long id, int level, int range, List<KeyDigest> keys) implements PeerMessage {
    public Keys {
      keys = List.copyOf(keys);
    }
  }

  /// The digest of one key.
  ///
  /// @param hash of the key
  /// @param digest of its entry's canonical bytes and its placement
  record KeyDigest(long hash, long digest) {}

  /// Asks for the states of keys of a partition: of those named, or of all of them.
  ///
  /// @param hashes of the keys; empty for all
  record Wanted(long id, int partition, List<Long> hashes) implements PeerMessage {
    public Wanted {
      hashes = List.copyOf(hashes);
    }
  }

  /// Answers [Wanted] once all was sent: whoever has merged the batch of this number, and those
  /// before it, has got what it wanted.
  ///
  /// @param sequence of [Changes] from this sender; 0 if nothing had to be sent
  record Sent(long id, int partition, long sequence) implements PeerMessage {}

  /// Asks whether what has ended may be forgotten: whether the receiver holds, of each key, at
  /// least this or nothing at all, and sends nothing older to anybody.
  ///
  /// @param ended tombstones, or the parts of entries that have ended
  /// @param bornBefore the births, in milliseconds since the epoch, of invocations whose tags are
  ///   among that; 0 for none
  record CollectAsked(long id, List<Change> ended, long bornBefore) implements PeerMessage {
    public CollectAsked {
      requireBirth(bornBefore);
      ended = List.copyOf(ended);
    }
  }

  /// Answers [CollectAsked].
  ///
  /// @param agreed indices into the list that was asked about, ascending
  /// @param closedBefore the births, in milliseconds since the epoch, of invocations of which the
  ///   voter takes nothing any more
  record CollectVoted(long id, List<Integer> agreed, long closedBefore) implements PeerMessage {
    public CollectVoted {
      requireBirth(closedBefore);
      agreed = List.copyOf(agreed);
    }
  }

  /// Tells that everybody agreed: what has ended by `cutoff` of these keys may be forgotten.
  ///
  /// @param bornBefore the births of invocations whose tags are forgotten, as was asked
  record Collect(HybridTimestamp cutoff, List<Payload> keys, long bornBefore)
      implements PeerMessage {
    public Collect {
      requireBirth(bornBefore);
      keys = List.copyOf(keys);
    }
  }

  private static void requireBirth(long bornMillis) {
    if (bornMillis < 0) {
      throw new IllegalArgumentException(
          "births before "
              + Long.toUnsignedString(bornMillis)
              + " ms, which is not less than 2^63");
    }
  }
}
