package dev.trellis.wire;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Payload;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// What a session's token carries.
///
/// @param id random, one per session
/// @param guarantees bit n-1 for the guarantee of number n
/// @param clock later than all that the session has seen
/// @param floor by when all was first written that the session has forgotten; zero for nothing
/// @param remembered what it wrote and read, what was touched last at the end
/// @param seen what it has read since the last commit, and must read again
/// @param waiting mutations that wait for the commit, in their order
/// @param past key to version of what its next causal write depends on
/// @param begun when it began to read since the last commit, if that matters; zero for not yet
/// @param coarse whether something had to be left out: the promises hold, and may cost more
public record SessionImage(
    long id,
    int guarantees,
    HybridTimestamp clock,
    HybridTimestamp floor,
    List<Remembered> remembered,
    List<Seen> seen,
    List<Request> waiting,
    Map<Payload, CausalContext> past,
    HybridTimestamp begun,
    boolean coarse) {
  /// A key that the session wrote or read.
  ///
  /// @param at by when all of it was first written
  /// @param entry what is merged into what is read; empty where a replica must have all up to `at`
  public record Remembered(Payload key, HybridTimestamp at, Optional<Entry> entry) {}

  /// A key that the session has read since the last commit.
  ///
  /// @param clock of the shard that told it
  /// @param entry empty if it was left out, so that the key can't be read again before the commit
  public record Seen(Payload key, HybridTimestamp clock, Optional<Entry> entry) {}

  public SessionImage {
    remembered = List.copyOf(remembered);
    seen = List.copyOf(seen);
    waiting = List.copyOf(waiting);
    past = Map.copyOf(past);
  }

  /// The message `SessionImage` of `trellis.proto`. O(size).
  public byte[] encode() {
    WireWriter out = new WireWriter(512);
    out.fixed64(1, id);
    out.uint32(2, guarantees);
    out.fixed64(3, clock.packed());
    out.fixed64(4, floor.packed());
    for (Remembered each : remembered) {
      write(out, 5, each.key, each.at, each.entry);
    }
    for (Seen each : seen) {
      write(out, 6, each.key, each.clock, each.entry);
    }
    for (Request each : waiting) {
      out.open(7, RequestCodec.expectedBytes(each));
      RequestCodec.write(out, each);
      out.close();
    }
    CausalCodec.writeDependencies(out, 8, past);
    out.bool(9, coarse);
    out.fixed64(10, begun.packed());
    return out.toBytes();
  }

  private static void write(
      WireWriter out, int field, Payload key, HybridTimestamp at, Optional<Entry> entry) {
    out.open(field);
    out.bytes(1, key);
    out.fixed64(2, at.packed());
    entry.ifPresent(
        known -> {
          out.open(3, LatticeCodec.expectedBytes(known));
          LatticeCodec.writeEntry(out, known);
          out.close();
        });
    out.close();
  }

  /// The image of a message of that form.
  ///
  /// @throws WireException if it is malformed
  public static SessionImage decode(ByteBuffer message) throws WireException {
    try {
      return read(WireReader.ofForeign(message, Limits.DEFAULT));
    } catch (IllegalArgumentException e) {
      throw WireReader.refused(e);
    }
  }

  private static SessionImage read(WireReader in) throws WireException {
    long id = 0;
    int guarantees = 0;
    long clock = 0;
    long floor = 0;
    List<Remembered> remembered = new ArrayList<>();
    List<Seen> seen = new ArrayList<>();
    List<Request> waiting = new ArrayList<>();
    TreeMap<Payload, CausalContext> past = new TreeMap<>();
    boolean coarse = false;
    long begun = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> id = in.fixed64();
        case 2 -> guarantees = in.uint32();
        case 3 -> clock = in.fixed64();
        case 4 -> floor = in.fixed64();
        case 5 -> {
          Part part = in.message(SessionImage::readPart);
          remembered.add(new Remembered(part.key, part.at, part.entry));
        }
        case 6 -> {
          Part part = in.message(SessionImage::readPart);
          seen.add(new Seen(part.key, part.at, part.entry));
        }
        case 7 -> waiting.add(in.message(RequestCodec::read));
        case 8 -> CausalCodec.readDependency(in, past);
        case 9 -> coarse = in.bool();
        case 10 -> begun = in.fixed64();
        default -> in.skip();
      }
    }
    return new SessionImage(
        id,
        guarantees,
        new HybridTimestamp(clock),
        new HybridTimestamp(floor),
        remembered,
        seen,
        waiting,
        past,
        new HybridTimestamp(begun),
        coarse);
  }

  private record Part(Payload key, HybridTimestamp at, Optional<Entry> entry) {}

  private static Part readPart(WireReader in) throws WireException {
    Payload key = Payload.EMPTY;
    long at = 0;
    Optional<Entry> entry = Optional.empty();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> key = in.keyBound();
        case 2 -> at = in.fixed64();
        case 3 -> entry = Optional.of(in.message(inner -> LatticeCodec.readEntry(inner, 0)));
        default -> in.skip();
      }
    }
    WireReader.requireNonEmpty(key);
    return new Part(key, new HybridTimestamp(at), entry);
  }
}
