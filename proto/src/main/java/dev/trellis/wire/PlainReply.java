package dev.trellis.wire;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import java.util.Optional;

/// The answer to a plain request that was carried out: a [Reply] in fields, used again for the next
/// one. It shows the bytes of an `lww`, or that there is none, or nothing, and is about a key in
/// its default place.
public final class PlainReply {
  /// What it shows.
  public enum Shown {
    /// [View.Bytes].
    BYTES,
    /// [View.Missing].
    MISSING,
    /// [View.Nothing].
    NOTHING
  }

  private static final int FIXED_BYTES = 64;
  private static final byte[] NONE = {};
  private static final Optional<Kind> LWW = Optional.of(Kind.LWW);

  long id;
  Shown shown = Shown.NOTHING;
  byte[] source = NONE; // of the value
  int valueAt;
  int valueLength;
  long expiresAtMillis;
  long changed;
  long generation;
  boolean isLww;
  int copies;
  int durableCopies;
  long clock;
  long ringVersion;

  /// Of a `get` that found a value: bytes of `value` which must stay as they are until the reply
  /// was encoded.
  public PlainReply bytes(long id, byte[] value, int offset, int length, long expiresAtMillis) {
    begin(id, Shown.BYTES);
    this.source = value;
    this.valueAt = offset;
    this.valueLength = length;
    this.expiresAtMillis = expiresAtMillis;
    this.isLww = true;
    return this;
  }

  /// Of a `get` that found no value.
  public PlainReply missing(long id) {
    begin(id, Shown.MISSING);
    return this;
  }

  /// Of a `put` that is here.
  ///
  /// @param isLive whether a value is there now
  public PlainReply done(long id, long changed, boolean isLive) {
    begin(id, Shown.NOTHING);
    this.changed = changed;
    this.isLww = isLive;
    this.copies = 1;
    return this;
  }

  /// Of a `put` that other nodes, or disks, have by now: see [Receipt].
  public PlainReply receipt(int copies, int durableCopies) {
    this.copies = copies;
    this.durableCopies = durableCopies;
    return this;
  }

  /// What every reply tells.
  ///
  /// @param generation of the entry, packed
  /// @param clock of the shard, packed
  public PlainReply at(long generation, long clock, long ringVersion) {
    this.generation = generation;
    this.clock = clock;
    this.ringVersion = ringVersion;
    return this;
  }

  /// The shard's time by now, packed.
  public PlainReply clock(long clock) {
    this.clock = clock;
    return this;
  }

  /// About how many bytes it takes when encoded.
  public int size() {
    return FIXED_BYTES + valueLength;
  }

  private void begin(long id, Shown shown) {
    this.id = id;
    this.shown = shown;
    this.source = NONE;
    this.valueAt = 0;
    this.valueLength = 0;
    this.expiresAtMillis = 0;
    this.changed = 0;
    this.isLww = false;
    this.copies = 0;
    this.durableCopies = 0;
  }

  /// The same as an object of its own, which may be kept.
  public Reply toReply() {
    View view =
        switch (shown) {
          case BYTES -> new View.Bytes(Payload.of(source, valueAt, valueLength), expiresAtMillis);
          case MISSING -> new View.Missing();
          case NOTHING -> new View.Nothing();
        };
    return new Reply(
        id,
        new Outcome.Done(view, changed, false),
        new HybridTimestamp(generation),
        isLww ? LWW : Optional.empty(),
        CausalContext.EMPTY,
        copies == 0 ? Receipt.NONE : new Receipt(copies, durableCopies),
        new HybridTimestamp(clock),
        ringVersion);
  }
}
