package dev.trellis.wire;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.PeerMessage.Change;
import dev.trellis.wire.PeerMessage.KeyDigest;
import dev.trellis.wire.PeerMessage.RangeDigest;
import dev.trellis.wire.WireReader.NumberList;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// What replicas tell each other. Keys and states are not measured against [Limits]: they were
/// where they first came in, and no replica may refuse what another holds.
final class PeerCodec {
  private static final int CHANGE_HEAP_BYTES = 200;
  private static final int DIGEST_HEAP_BYTES = 56;
  private static final int KEY_HEAP_BYTES = 56;
  private static final int CHANGE_BYTES = 48;
  private static final int NUMBER_BYTES = 5;

  private PeerCodec() {}

  /// About how many bytes the message will take.
  static int expectedBytes(PeerMessage message) {
    long content =
        switch (message) {
          case PeerMessage.Changes changes -> expectedBytes(changes.changes());
          case PeerMessage.Fetched fetched -> expectedBytes(fetched.state());
          case PeerMessage.CollectAsked asked -> expectedBytes(asked.ended());
          case PeerMessage.Fetch fetch -> fetch.key().size();
          case PeerMessage.Collect collect ->
              collect.keys().stream().mapToLong(key -> NUMBER_BYTES + key.size()).sum();
          case PeerMessage.DigestsAsked asked -> (long) NUMBER_BYTES * asked.ranges().size();
          case PeerMessage.Digests digests -> 30L * digests.digests().size();
          case PeerMessage.Keys keys -> 2L * Long.BYTES * keys.keys().size();
          case PeerMessage.Wanted wanted -> (long) Long.BYTES * wanted.hashes().size();
          case PeerMessage.CollectVoted voted -> (long) NUMBER_BYTES * voted.agreed().size();
          case PeerMessage.Received received -> 0;
          case PeerMessage.KeysAsked asked -> 0;
          case PeerMessage.Sent sent -> 0;
          case PeerMessage.FetchSent sent -> expectedBytes(sent.answer());
        };
    return (int) Math.min(32 + content, Limits.FRAME_BYTES_MAX);
  }

  private static long expectedBytes(List<Change> changes) {
    long sum = 0;
    for (Change change : changes) {
      sum += expectedBytes(change);
    }
    return sum;
  }

  private static int expectedBytes(Change change) {
    return CHANGE_BYTES + change.key().size() + LatticeCodec.expectedBytes(change.entry());
  }

  // ---- Messages ----

  static void write(WireWriter out, PeerMessage message) {
    out.open(numberOf(message), expectedBytes(message));
    switch (message) {
      case PeerMessage.Changes changes -> {
        out.uint64(1, changes.sequence());
        out.fixed64(2, changes.clock().packed());
        writeChanges(out, 3, changes.changes());
        out.fixed64(4, changes.ringVersion());
      }
      case PeerMessage.Received received -> {
        out.uint64(1, received.sequence());
        out.fixed64(2, received.clock().packed());
        out.bool(3, received.leaving());
        out.fixed64(4, received.ringVersion());
        out.uint64(5, received.since());
        out.uint64(6, received.durable());
      }
      case PeerMessage.Fetch fetch -> {
        out.uint64(1, fetch.id());
        out.bytes(2, fetch.key());
      }
      case PeerMessage.Fetched fetched -> writeFetched(out, fetched);
      case PeerMessage.DigestsAsked asked -> {
        out.uint64(1, asked.id());
        out.uint32(2, asked.level());
        writeNumbers(out, 3, asked.ranges());
      }
      case PeerMessage.Digests digests -> {
        out.uint64(1, digests.id());
        out.uint32(2, digests.level());
        for (RangeDigest digest : digests.digests()) {
          out.open(3);
          out.uint32(1, digest.range());
          out.fixed64(2, digest.digest());
          out.uint64(3, digest.keys());
          out.bool(4, digest.complete());
          out.bool(5, digest.holder());
          out.bool(6, digest.knows());
          out.close();
        }
        out.fixed64(4, digests.ringVersion());
      }
      case PeerMessage.KeysAsked asked -> {
        out.uint64(1, asked.id());
        out.uint32(2, asked.level());
        out.uint32(3, asked.range());
      }
      case PeerMessage.Keys keys -> writeKeys(out, keys);
      case PeerMessage.Wanted wanted -> {
        out.uint64(1, wanted.id());
        out.uint32(2, wanted.partition());
        out.open(3, Long.BYTES * wanted.hashes().size());
        wanted.hashes().forEach(out::rawFixed64);
        out.closeUnlessEmpty();
      }
      case PeerMessage.Sent sent -> {
        out.uint64(1, sent.id());
        out.uint32(2, sent.partition());
        out.uint64(3, sent.sequence());
      }
      case PeerMessage.FetchSent sent -> {
        out.uint64(1, sent.sequence());
        out.open(2, expectedBytes(sent.answer()));
        writeFetched(out, sent.answer());
        out.close();
      }
      case PeerMessage.CollectAsked asked -> {
        out.uint64(1, asked.id());
        writeChanges(out, 2, asked.ended());
        out.uint64(3, asked.bornBefore());
      }
      case PeerMessage.CollectVoted voted -> {
        out.uint64(1, voted.id());
        writeNumbers(out, 2, voted.agreed());
        out.uint64(3, voted.closedBefore());
      }
      case PeerMessage.Collect collect -> {
        out.fixed64(1, collect.cutoff().packed());
        collect.keys().forEach(key -> out.alwaysBytes(2, key));
        out.uint64(3, collect.bornBefore());
      }
    }
    out.close();
  }

  private static void writeFetched(WireWriter out, PeerMessage.Fetched fetched) {
    out.uint64(1, fetched.id());
    out.bool(2, fetched.complete());
    writeChanges(out, 3, List.of(fetched.state()));
    out.fixed64(4, fetched.ringVersion());
  }

  private static int numberOf(PeerMessage message) {
    return switch (message) {
      case PeerMessage.Changes changes -> 1;
      case PeerMessage.Received received -> 2;
      case PeerMessage.Fetch fetch -> 3;
      case PeerMessage.Fetched fetched -> 4;
      case PeerMessage.DigestsAsked asked -> 5;
      case PeerMessage.Digests digests -> 6;
      case PeerMessage.KeysAsked asked -> 7;
      case PeerMessage.Keys keys -> 8;
      case PeerMessage.Wanted wanted -> 9;
      case PeerMessage.Sent sent -> 10;
      case PeerMessage.CollectAsked asked -> 11;
      case PeerMessage.CollectVoted voted -> 12;
      case PeerMessage.Collect collect -> 13;
      case PeerMessage.FetchSent sent -> 14;
    };
  }

  static PeerMessage read(WireReader in) throws WireException {
    @Nullable PeerMessage message = null;
    int unknown = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> message = in.message(PeerCodec::readChanges);
        case 2 -> message = in.message(PeerCodec::readReceived);
        case 3 -> message = in.message(PeerCodec::readFetch);
        case 4 -> message = in.message(PeerCodec::readFetched);
        case 5 -> message = in.message(PeerCodec::readDigestsAsked);
        case 6 -> message = in.message(PeerCodec::readDigests);
        case 7 -> message = in.message(PeerCodec::readKeysAsked);
        case 8 -> message = in.message(PeerCodec::readKeys);
        case 9 -> message = in.message(PeerCodec::readWanted);
        case 10 -> message = in.message(PeerCodec::readSent);
        case 11 -> message = in.message(PeerCodec::readCollectAsked);
        case 12 -> message = in.message(PeerCodec::readCollectVoted);
        case 13 -> message = in.message(PeerCodec::readCollect);
        case 14 -> message = in.message(PeerCodec::readFetchSent);
        default -> {
          unknown = field;
          in.skip();
        }
      }
    }
    if (message == null) {
      throw WireReader.bad(
          unknown == 0
              ? "a message between replicas that is empty"
              : "unknown number " + unknown + " of a message between replicas");
    }
    return message;
  }

  private static PeerMessage readChanges(WireReader in) throws WireException {
    long sequence = 0;
    long clock = 0;
    List<Change> changes = new ArrayList<>();
    long ringVersion = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> sequence = in.uint64();
        case 2 -> clock = in.fixed64();
        case 3 -> changes.add(readChange(in));
        case 4 -> ringVersion = in.fixed64();
        default -> in.skip();
      }
    }
    return new PeerMessage.Changes(sequence, new HybridTimestamp(clock), changes, ringVersion);
  }

  private static PeerMessage readReceived(WireReader in) throws WireException {
    long sequence = 0;
    long clock = 0;
    boolean leaving = false;
    long ringVersion = 0;
    long since = 0;
    long durable = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> sequence = in.uint64();
        case 2 -> clock = in.fixed64();
        case 3 -> leaving = in.bool();
        case 4 -> ringVersion = in.fixed64();
        case 5 -> since = in.uint64();
        case 6 -> durable = in.uint64();
        default -> in.skip();
      }
    }
    return new PeerMessage.Received(
        sequence, new HybridTimestamp(clock), leaving, ringVersion, since, durable);
  }

  private static PeerMessage readFetch(WireReader in) throws WireException {
    long id = 0;
    Payload key = Payload.EMPTY;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> id = in.uint64();
        case 2 -> key = in.bytes();
        default -> in.skip();
      }
    }
    WireReader.requireNonEmpty(key);
    return new PeerMessage.Fetch(id, key);
  }

  private static PeerMessage.Fetched readFetched(WireReader in) throws WireException {
    long id = 0;
    boolean complete = false;
    long ringVersion = 0;
    @Nullable Change state = null;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> id = in.uint64();
        case 2 -> complete = in.bool();
        case 3 -> state = readChange(in);
        case 4 -> ringVersion = in.fixed64();
        default -> in.skip();
      }
    }
    if (state == null) {
      throw WireReader.bad("the answer to fetch " + id + " without a state");
    }
    return new PeerMessage.Fetched(id, complete, ringVersion, state);
  }

  private static PeerMessage readSent(WireReader in) throws WireException {
    long id = 0;
    int partition = 0;
    long sequence = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> id = in.uint64();
        case 2 -> partition = in.uint32();
        case 3 -> sequence = in.uint64();
        default -> in.skip();
      }
    }
    return new PeerMessage.Sent(id, partition, sequence);
  }

  private static PeerMessage readFetchSent(WireReader in) throws WireException {
    long sequence = 0;
    PeerMessage.@Nullable Fetched answer = null;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> sequence = in.uint64();
        case 2 -> answer = in.message(PeerCodec::readFetched);
        default -> in.skip();
      }
    }
    if (answer == null) {
      throw WireReader.bad("what was sent for a fetch, without the answer");
    }
    return new PeerMessage.FetchSent(sequence, answer);
  }

  private static PeerMessage readCollectAsked(WireReader in) throws WireException {
    long id = 0;
    List<Change> ended = new ArrayList<>();
    long bornBefore = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> id = in.uint64();
        case 2 -> ended.add(readChange(in));
        case 3 -> bornBefore = in.uint64();
        default -> in.skip();
      }
    }
    return new PeerMessage.CollectAsked(id, ended, bornBefore);
  }

  private static PeerMessage readCollectVoted(WireReader in) throws WireException {
    long id = 0;
    List<Integer> agreed = new ArrayList<>();
    long closedBefore = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> id = in.uint64();
        case 2 -> in.varints(number -> agreed.add((int) number));
        case 3 -> closedBefore = in.uint64();
        default -> in.skip();
      }
    }
    return new PeerMessage.CollectVoted(id, agreed, closedBefore);
  }

  private static PeerMessage readCollect(WireReader in) throws WireException {
    long cutoff = 0;
    List<Payload> keys = new ArrayList<>();
    long bornBefore = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> cutoff = in.fixed64();
        case 3 -> bornBefore = in.uint64();
        case 2 -> {
          in.spend(KEY_HEAP_BYTES);
          Payload key = in.bytes();
          WireReader.requireNonEmpty(key);
          keys.add(key);
        }
        default -> in.skip();
      }
    }
    return new PeerMessage.Collect(new HybridTimestamp(cutoff), keys, bornBefore);
  }

  private static void writeNumbers(WireWriter out, int field, List<Integer> numbers) {
    out.open(field, numbers.size());
    numbers.forEach(number -> out.varint(Integer.toUnsignedLong(number)));
    out.closeUnlessEmpty();
  }

  // ---- Changes ----

  private static void writeChanges(WireWriter out, int field, List<Change> changes) {
    for (Change change : changes) {
      out.open(field, expectedBytes(change));
      out.bytes(1, change.key());
      out.open(2, LatticeCodec.expectedBytes(change.entry()));
      LatticeCodec.writeEntry(out, change.entry());
      out.closeUnlessEmpty();
      change.placement().ifPresent(setting -> writeSetting(out, 3, setting));
      out.bool(4, change.whole());
      out.close();
    }
  }

  private static Change readChange(WireReader in) throws WireException {
    in.spend(CHANGE_HEAP_BYTES);
    return in.message(PeerCodec::readChangeContent);
  }

  private static Change readChangeContent(WireReader in) throws WireException {
    Payload key = Payload.EMPTY;
    Entry entry = Entry.BOTTOM;
    Optional<PlacementSetting> placement = Optional.empty();
    boolean whole = false;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> key = in.bytes();
        case 2 -> entry = in.message(inner -> LatticeCodec.readEntry(inner, 0));
        case 3 -> placement = Optional.of(in.message(PeerCodec::readSetting));
        case 4 -> whole = in.bool();
        default -> in.skip();
      }
    }
    WireReader.requireNonEmpty(key);
    return new Change(key, entry, placement, whole);
  }

  private static void writeSetting(WireWriter out, int field, PlacementSetting setting) {
    out.open(field);
    out.fixed64(1, setting.clock().packed());
    out.fixed64(2, setting.writer());
    setting.placement().ifPresent(placement -> ReplyCodec.writePlacement(out, 3, placement));
    out.fixed64(4, setting.previous().packed());
    out.close();
  }

  private static PlacementSetting readSetting(WireReader in) throws WireException {
    long clock = 0;
    long writer = 0;
    long previous = 0;
    Optional<Placement> placement = Optional.empty();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> clock = in.fixed64();
        case 2 -> writer = in.fixed64();
        case 3 -> placement = Optional.of(in.message(ReplyCodec::readPlacement));
        case 4 -> previous = in.fixed64();
        default -> in.skip();
      }
    }
    return new PlacementSetting(
        new HybridTimestamp(clock), writer, new HybridTimestamp(previous), placement);
  }

  // ---- Digests ----

  private static PeerMessage readDigestsAsked(WireReader in) throws WireException {
    long id = 0;
    int level = 0;
    List<Integer> ranges = new ArrayList<>();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> id = in.uint64();
        case 2 -> level = in.uint32();
        case 3 -> in.varints(number -> ranges.add((int) number));
        default -> in.skip();
      }
    }
    return new PeerMessage.DigestsAsked(id, level, ranges);
  }

  private static PeerMessage readDigests(WireReader in) throws WireException {
    long id = 0;
    int level = 0;
    long ringVersion = 0;
    List<RangeDigest> digests = new ArrayList<>();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> id = in.uint64();
        case 2 -> level = in.uint32();
        case 3 -> {
          in.spend(DIGEST_HEAP_BYTES);
          digests.add(in.message(PeerCodec::readRangeDigest));
        }
        case 4 -> ringVersion = in.fixed64();
        default -> in.skip();
      }
    }
    return new PeerMessage.Digests(id, level, ringVersion, digests);
  }

  private static RangeDigest readRangeDigest(WireReader in) throws WireException {
    int range = 0;
    long digest = 0;
    long keys = 0;
    boolean complete = false;
    boolean holder = false;
    boolean knows = false;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> range = in.uint32();
        case 2 -> digest = in.fixed64();
        case 3 -> keys = in.uint64();
        case 4 -> complete = in.bool();
        case 5 -> holder = in.bool();
        case 6 -> knows = in.bool();
        default -> in.skip();
      }
    }
    return new RangeDigest(range, digest, keys, complete, holder, knows);
  }

  private static PeerMessage readKeysAsked(WireReader in) throws WireException {
    long id = 0;
    int level = 0;
    int range = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> id = in.uint64();
        case 2 -> level = in.uint32();
        case 3 -> range = in.uint32();
        default -> in.skip();
      }
    }
    return new PeerMessage.KeysAsked(id, level, range);
  }

  private static void writeKeys(WireWriter out, PeerMessage.Keys keys) {
    out.uint64(1, keys.id());
    out.uint32(2, keys.level());
    out.uint32(3, keys.range());
    int columnBytes = Long.BYTES * keys.keys().size();
    out.open(4, columnBytes);
    keys.keys().forEach(key -> out.rawFixed64(key.hash()));
    out.closeUnlessEmpty();
    out.open(5, columnBytes);
    keys.keys().forEach(key -> out.rawFixed64(key.digest()));
    out.closeUnlessEmpty();
  }

  private static PeerMessage readKeys(WireReader in) throws WireException {
    long id = 0;
    int level = 0;
    int range = 0;
    NumberList hashes = new NumberList();
    NumberList digests = new NumberList();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> id = in.uint64();
        case 2 -> level = in.uint32();
        case 3 -> range = in.uint32();
        case 4 -> in.fixed64s(hashes);
        case 5 -> in.fixed64s(digests);
        default -> in.skip();
      }
    }
    if (hashes.size() != digests.size()) {
      throw WireReader.bad(hashes.size() + " hashes of keys with " + digests.size() + " digests");
    }
    List<KeyDigest> keys = new ArrayList<>(hashes.size());
    for (int at = 0; at < hashes.size(); at++) {
      keys.add(new KeyDigest(hashes.at(at), digests.at(at)));
    }
    return new PeerMessage.Keys(id, level, range, keys);
  }

  private static PeerMessage readWanted(WireReader in) throws WireException {
    long id = 0;
    int partition = 0;
    List<Long> hashes = new ArrayList<>();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> id = in.uint64();
        case 2 -> partition = in.uint32();
        case 3 -> in.fixed64s(hashes::add);
        default -> in.skip();
      }
    }
    return new PeerMessage.Wanted(id, partition, hashes);
  }
}
