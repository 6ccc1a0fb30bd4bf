package dev.trellis.wire;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.CommitId;
import dev.trellis.lattice.Commits;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Payload;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/// What a session's token carries.
///
/// Commits that an entry tells apart ([Entry#commits]) travel by name: what they have written is
/// among the values, and which keys each writes is told once for all entries, in `writeSets`.
///
/// @param id random, one per session
/// @param guarantees bit n-1 for the guarantee of number n
/// @param clock later than all that the session has seen
/// @param floor by when all was first written that the session has forgotten; zero for nothing
/// @param remembered what it wrote and read, what was touched last at the end
/// @param seen what it has read since the last commit, and must read again
/// @param writeSets of the commits that the entries name: four bytes for each key that one writes,
///   the low half of its hash, least significant byte first
/// @param waiting mutations that wait for the commit, in their order
/// @param past key to version of what its next causal write depends on, and of what it must find;
///   in the order of the keys
/// @param horizon what else that depends on was first written by then; zero for nothing else
/// @param begun when it began to read since the last commit, if that matters; zero for not yet
/// @param coarse whether something had to be left out: the promises hold, and may cost more
/// @param seenForgotten whether `seen` had to be left out, or some of it: no other key can be read
///   before the commit, as it may be one of these
public record SessionImage(
    long id,
    int guarantees,
    HybridTimestamp clock,
    HybridTimestamp floor,
    List<Remembered> remembered,
    List<Seen> seen,
    SortedMap<CommitId, Payload> writeSets,
    List<Request> waiting,
    Map<Payload, CausalContext> past,
    HybridTimestamp horizon,
    HybridTimestamp begun,
    boolean coarse,
    boolean seenForgotten) {
  private static final int PRINT_BYTES = Integer.BYTES;

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
    writeSets = Collections.unmodifiableSortedMap(new TreeMap<>(writeSets));
    for (Payload prints : writeSets.values()) {
      if (prints.size() % PRINT_BYTES != 0) {
        throw new IllegalArgumentException(
            "the keys of a commit take 4 bytes each, not " + prints.size() + " in all");
      }
    }
    waiting = List.copyOf(waiting);
    past = Collections.unmodifiableSortedMap(new TreeMap<>(past));
  }

  /// The message `SessionImage` of `trellis.proto`. O(size).
  public byte[] encode() {
    WireWriter out = new WireWriter(512);
    out.fixed64(1, id);
    out.uint32(2, guarantees);
    out.fixed64(3, clock.packed());
    out.fixed64(4, floor.packed());
    Map<CommitId, Integer> numbers = new HashMap<>();
    writeSets.keySet().forEach(commit -> numbers.put(commit, numbers.size()));
    for (Remembered each : remembered) {
      write(out, 5, each.key, each.at, each.entry, numbers);
    }
    for (Seen each : seen) {
      write(out, 6, each.key, each.clock, each.entry, numbers);
    }
    for (Request each : waiting) {
      out.open(7, RequestCodec.expectedBytes(each));
      RequestCodec.write(out, each);
      out.close();
    }
    CausalCodec.writeDependencies(out, 8, past);
    out.bool(9, coarse);
    out.fixed64(10, begun.packed());
    writeCommits(out);
    out.fixed64(12, horizon.packed());
    out.bool(13, seenForgotten);
    return out.toBytes();
  }

  private static void write(
      WireWriter out,
      int field,
      Payload key,
      HybridTimestamp at,
      Optional<Entry> entry,
      Map<CommitId, Integer> numbers) {
    out.open(field);
    out.bytes(1, key);
    out.fixed64(2, at.packed());
    entry.ifPresent(
        known -> {
          Entry shown = Entry.of(known.generation(), known.expiry(), known.values());
          out.open(3, LatticeCodec.expectedBytes(shown));
          LatticeCodec.writeEntry(out, shown);
          out.close();
          out.fixed64(4, known.commits().foldedUpTo().packed());
          out.open(5);
          for (CommitId commit : known.commits().parts().keySet()) {
            Integer number = numbers.get(commit);
            if (number == null) {
              throw new IllegalArgumentException(
                  "key " + key + " names " + commit + ", of which no write set is told");
            }
            out.varint(number);
          }
          out.closeUnlessEmpty();
        });
    out.close();
  }

  /// As columns: a commit takes some six bytes beside its keys.
  private void writeCommits(WireWriter out) {
    List<CommitId> commits = List.copyOf(writeSets.keySet());
    Map<Long, Integer> writers = new LinkedHashMap<>();
    commits.forEach(commit -> writers.putIfAbsent(commit.writer(), writers.size()));
    out.open(11);
    writers.keySet().forEach(writer -> out.alwaysFixed64(1, writer));
    out.open(2);
    long before = 0;
    for (CommitId commit : commits) {
      out.varint(commit.timestamp().packed() - before);
      before = commit.timestamp().packed();
    }
    out.closeUnlessEmpty();
    out.open(3);
    commits.forEach(commit -> out.varint(writers.getOrDefault(commit.writer(), 0)));
    out.closeUnlessEmpty();
    out.open(4);
    writeSets.values().forEach(prints -> out.varint(prints.size() / PRINT_BYTES));
    out.closeUnlessEmpty();
    ByteBuffer prints =
        ByteBuffer.allocate(writeSets.values().stream().mapToInt(Payload::size).sum());
    writeSets.values().forEach(written -> prints.put(written.asByteBuffer()));
    out.bytes(5, Payload.of(prints.array()));
    out.closeUnlessEmpty();
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
    List<Part> remembered = new ArrayList<>();
    List<Part> seen = new ArrayList<>();
    List<Named> commits = List.of();
    List<Request> waiting = new ArrayList<>();
    TreeMap<Payload, CausalContext> past = new TreeMap<>();
    boolean coarse = false;
    long begun = 0;
    long horizon = 0;
    boolean seenForgotten = false;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> id = in.fixed64();
        case 2 -> guarantees = in.uint32();
        case 3 -> clock = in.fixed64();
        case 4 -> floor = in.fixed64();
        case 5 -> remembered.add(in.message(SessionImage::readPart));
        case 6 -> seen.add(in.message(SessionImage::readPart));
        case 7 -> waiting.add(in.message(RequestCodec::read));
        case 8 -> CausalCodec.readDependency(in, past);
        case 9 -> coarse = in.bool();
        case 10 -> begun = in.fixed64();
        case 11 -> commits = in.message(SessionImage::readCommits);
        case 12 -> horizon = in.fixed64();
        case 13 -> seenForgotten = in.bool();
        default -> in.skip();
      }
    }
    List<Remembered> known = new ArrayList<>();
    for (Part each : remembered) {
      known.add(new Remembered(each.key, each.at, each.entry(commits)));
    }
    List<Seen> read = new ArrayList<>();
    for (Part each : seen) {
      read.add(new Seen(each.key, each.at, each.entry(commits)));
    }
    TreeMap<CommitId, Payload> writeSets = new TreeMap<>();
    commits.forEach(named -> writeSets.put(named.commit, named.written));
    return new SessionImage(
        id,
        guarantees,
        new HybridTimestamp(clock),
        new HybridTimestamp(floor),
        known,
        read,
        writeSets,
        waiting,
        past,
        new HybridTimestamp(horizon),
        new HybridTimestamp(begun),
        coarse,
        seenForgotten);
  }

  private record Named(CommitId commit, Payload written) {}

  /// @param foldedUpTo, commits of the entry; the latter as numbers
  private record Part(
      Payload key,
      HybridTimestamp at,
      Optional<Entry> own,
      HybridTimestamp foldedUpTo,
      List<Long> commits) {
    Optional<Entry> entry(List<Named> all) throws WireException {
      if (own.isPresent() && !own.get().commits().isEmpty()) {
        throw WireReader.bad("key " + key + " of a token tells commits beside those of the token");
      }
      TreeMap<CommitId, Commits.Part> parts = new TreeMap<>();
      for (long number : commits) {
        if (number < 0 || number >= all.size()) {
          throw WireReader.bad(
              "commit " + number + " of a token that tells " + all.size() + " of them");
        }
        parts.put(all.get((int) number).commit, new Commits.Part(List.of(), List.of()));
      }
      Commits named = new Commits(foldedUpTo, parts);
      return named.isEmpty() ? own : own.map(entry -> entry.with(named));
    }
  }

  private static Part readPart(WireReader in) throws WireException {
    Payload key = Payload.EMPTY;
    long at = 0;
    Optional<Entry> entry = Optional.empty();
    long foldedUpTo = 0;
    List<Long> commits = new ArrayList<>();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> key = in.keyBound();
        case 2 -> at = in.fixed64();
        case 3 -> entry = Optional.of(in.message(inner -> LatticeCodec.readEntry(inner, 0)));
        case 4 -> foldedUpTo = in.fixed64();
        case 5 -> in.varints(commits::add);
        default -> in.skip();
      }
    }
    WireReader.requireNonEmpty(key);
    return new Part(key, new HybridTimestamp(at), entry, new HybridTimestamp(foldedUpTo), commits);
  }

  private static List<Named> readCommits(WireReader in) throws WireException {
    List<Long> writers = new ArrayList<>();
    List<Long> stamps = new ArrayList<>();
    List<Long> writerOf = new ArrayList<>();
    List<Long> keyCounts = new ArrayList<>();
    Payload prints = Payload.EMPTY;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> in.fixed64s(writers::add);
        case 2 -> in.varints(stamps::add);
        case 3 -> in.varints(writerOf::add);
        case 4 -> in.varints(keyCounts::add);
        case 5 -> prints = in.bytes();
        default -> in.skip();
      }
    }
    if (writerOf.size() != stamps.size() || keyCounts.size() != stamps.size()) {
      throw WireReader.bad(
          "%d timestamps, %d writers and %d sizes of commits"
              .formatted(stamps.size(), writerOf.size(), keyCounts.size()));
    }
    byte[] all = prints.toBytes();
    long end = 0;
    long stamp = 0;
    List<Named> commits = new ArrayList<>();
    for (int i = 0; i < stamps.size(); i++) {
      long writer = writerOf.get(i);
      long count = keyCounts.get(i);
      long begin = end;
      if (writer < 0 || writer >= writers.size()) {
        throw WireReader.bad("writer " + writer + " of a token that tells " + writers.size());
      }
      if (count < 0 || count > (all.length - begin) / PRINT_BYTES) {
        throw WireReader.bad("a commit of " + count + " keys, which are not all told");
      }
      end += count * PRINT_BYTES;
      stamp += stamps.get(i);
      commits.add(
          new Named(
              new CommitId(new HybridTimestamp(stamp), writers.get((int) writer)),
              Payload.of(all, (int) begin, (int) (end - begin))));
    }
    if (end != all.length) {
      throw WireReader.bad("keys of no commit");
    }
    return commits;
  }
}
