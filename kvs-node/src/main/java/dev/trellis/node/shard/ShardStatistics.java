package dev.trellis.node.shard;

import dev.trellis.wire.ErrorCode;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/// What a shard counts. Plain numbers, written by the shard alone and read by any thread, without a
/// fence: a reader sees each number whole and soon, the numbers among themselves only roughly.
public final class ShardStatistics {
  private static final VarHandle CELL = MethodHandles.arrayElementVarHandle(long[].class);

  private static final int READS = 0;
  private static final int MUTATIONS = 1;
  private static final int SCANS = 2;
  private static final int REPEATS = 3;
  private static final int KIND_CONFLICTS = 4;
  private static final int COLLECTED = 5;
  private static final int CHANGES = 6;
  private static final int WATCHES = 7;
  private static final int CLIENTS = 8;
  private static final int ENTRIES = 9;
  private static final int BYTES = 10;
  private static final int STAND_IN_WRITES = 11;
  private static final int HANDED_BACK = 12;
  private static final int LINK_OVERFLOWS = 13;
  private static final int ENTRIES_SENT = 14;
  private static final int FETCHES = 15;
  private static final int LOST = 16;
  private static final int WATERMARK_AGE = 17;
  private static final int BROKEN = 18;
  private static final int AWAITS = 19;
  private static final int REACHED = 20;
  private static final int NONDETERMINISTIC_RETRIES = 21;
  private static final int COUNTERS = 22;

  private final long[] counters = new long[COUNTERS];
  private final long[] refusals = new long[ErrorCode.NUMBER_MAX + 1];

  /// Reads carried out or refused, by a request each.
  public long reads() {
    return read(READS);
  }

  /// Mutations carried out or refused, repeats included.
  public long mutations() {
    return read(MUTATIONS);
  }

  /// Pages of scans.
  public long scans() {
    return read(SCANS);
  }

  /// Mutations recognised as carried out before.
  public long repeats() {
    return read(REPEATS);
  }

  /// Mutations under a tag that had written something else here before.
  public long nondeterministicRetries() {
    return read(NONDETERMINISTIC_RETRIES);
  }

  /// Times that an entry was found with several kinds after concurrent first writes.
  public long kindConflicts() {
    return read(KIND_CONFLICTS);
  }

  /// Dead entries whose memory was freed.
  public long collected() {
    return read(COLLECTED);
  }

  /// States of watched keys handed out.
  public long changes() {
    return read(CHANGES);
  }

  /// Records on disk that were found not to be as they were written.
  public long broken() {
    return read(BROKEN);
  }

  /// Watches now.
  public long watches() {
    return read(WATCHES);
  }

  /// Threshold reads that wait now.
  public long awaits() {
    return read(AWAITS);
  }

  /// Threshold reads that were answered since what they asked for was reached, at once or later.
  public long reached() {
    return read(REACHED);
  }

  /// Clients whose repeats are recognised now.
  public long clients() {
    return read(CLIENTS);
  }

  /// Entries now, dead ones that are still remembered included.
  public long entries() {
    return read(ENTRIES);
  }

  /// Weight of the entries now, in bytes.
  public long bytes() {
    return read(BYTES);
  }

  /// Changes merged for keys that others hold, in their place.
  public long standInWrites() {
    return read(STAND_IN_WRITES);
  }

  /// Entries that enough of their owners have acknowledged, and that are no longer kept here.
  public long handedBack() {
    return read(HANDED_BACK);
  }

  /// Times that so much waited for a peer that it was dropped, to be found again by comparing.
  public long linkOverflows() {
    return read(LINK_OVERFLOWS);
  }

  /// Whole entries sent to other replicas to bring them up to date.
  public long entriesSent() {
    return read(ENTRIES_SENT);
  }

  /// Requests for which a complete replica was asked first.
  public long fetches() {
    return read(FETCHES);
  }

  /// Partitions taken as they are because nobody who had more is left.
  public long partitionsLost() {
    return read(LOST);
  }

  /// Milliseconds since the oldest of the last watermarks of those who share keys with this shard;
  /// -1 if one of them has not told any by the present ring.
  public long watermarkAgeMillis() {
    return read(WATERMARK_AGE);
  }

  /// Requests that ended with the code.
  public long refusals(ErrorCode code) {
    return (long) CELL.getOpaque(refusals, code.number());
  }

  void countRead() {
    increment(READS);
  }

  void countMutation() {
    increment(MUTATIONS);
  }

  void countScan() {
    increment(SCANS);
  }

  void countRepeat() {
    increment(REPEATS);
  }

  void countNondeterministicRetry() {
    increment(NONDETERMINISTIC_RETRIES);
  }

  void countKindConflict() {
    increment(KIND_CONFLICTS);
  }

  void countCollected() {
    increment(COLLECTED);
  }

  void countChange() {
    increment(CHANGES);
  }

  void countReached() {
    increment(REACHED);
  }

  void levelAwaits(long awaits) {
    write(AWAITS, awaits);
  }

  void countStandInWrite() {
    increment(STAND_IN_WRITES);
  }

  void countHandedBack() {
    increment(HANDED_BACK);
  }

  void countLinkOverflow() {
    increment(LINK_OVERFLOWS);
  }

  void countEntrySent() {
    increment(ENTRIES_SENT);
  }

  void countFetch() {
    increment(FETCHES);
  }

  void countBroken() {
    increment(BROKEN);
  }

  void countPartitionLost() {
    increment(LOST);
  }

  void levelWatermarkAge(long millis) {
    write(WATERMARK_AGE, millis);
  }

  void countRefusal(ErrorCode code) {
    CELL.setOpaque(refusals, code.number(), refusals[code.number()] + 1);
  }

  void level(long entries, long bytes, long watches, long clients) {
    write(ENTRIES, entries);
    write(BYTES, bytes);
    write(WATCHES, watches);
    write(CLIENTS, clients);
  }

  private void increment(int counter) {
    write(counter, counters[counter] + 1);
  }

  private void write(int counter, long value) {
    CELL.setOpaque(counters, counter, value);
  }

  private long read(int counter) {
    return (long) CELL.getOpaque(counters, counter);
  }
}
