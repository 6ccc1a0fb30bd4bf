package dev.trellis.wire;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.CausalCodec.LogItem;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Replies and what they show of values.
final class ReplyCodec {
  private static final View NOTHING = new View.Nothing();

  private static final int FIELD_HEAP_BYTES = 120;
  private static final int SIBLING_HEAP_BYTES = 100;
  private static final int NANOS_PER_SECOND = 1_000_000_000;

  private ReplyCodec() {}

  /// About how many bytes the reply will take.
  static int expectedBytes(Reply reply) {
    return 96
        + switch (reply.outcome()) {
          case Outcome.Done done -> expectedBytes(done.view());
          case Outcome.Failed failed -> failed.message().length();
        };
  }

  private static int expectedBytes(View view) {
    return switch (view) {
      case View.Bytes bytes -> bytes.value().size() + 16;
      case View.Prioritized prioritized -> prioritized.value().size() + 16;
      case View.State state -> LatticeCodec.expectedBytes(state.entry()) + 8;
      default -> 16;
    };
  }

  // ---- Replies ----

  static void write(WireWriter out, Reply reply) {
    out.uint64(1, reply.id());
    switch (reply.outcome()) {
      case Outcome.Done done -> {
        out.open(2, expectedBytes(done.view()));
        writeView(out, 1, done.view());
        out.uint64(2, done.changed());
        out.bool(3, done.repeated());
        out.close();
      }
      case Outcome.Failed failed -> writeFailed(out, 3, failed);
    }
    out.fixed64(4, reply.generation().packed());
    reply.kind().ifPresent(kind -> out.uint32(5, kind.number()));
    CausalCodec.writeContext(out, 6, reply.dots());
    out.uint32(7, reply.receipt().copies());
    out.uint32(8, reply.receipt().durableCopies());
    out.fixed64(9, reply.clock().packed());
    out.uint64(10, reply.ringVersion());
    reply.placement().ifPresent(placement -> writePlacement(out, 11, placement));
    CausalCodec.writeTimestamps(out, 12, reply.fieldGenerations());
    out.fixed64(13, reply.receipt().asOf().packed());
    out.uint32(14, reply.receipt().served().number());
    reply
        .delta()
        .ifPresent(
            delta -> {
              out.open(15, LatticeCodec.expectedBytes(delta));
              LatticeCodec.writeEntry(out, delta);
              out.close();
            });
  }

  static Reply read(WireReader in) throws WireException {
    long id = 0;
    @Nullable Outcome outcome = null;
    long generation = 0;
    Optional<Kind> kind = Optional.empty();
    CausalContext dots = CausalContext.EMPTY;
    int copies = 0;
    int durableCopies = 0;
    long clock = 0;
    long ringVersion = 0;
    Optional<Placement> placement = Optional.empty();
    List<HybridTimestamp> fieldGenerations = List.of();
    long asOf = 0;
    Receipt.Served served = Receipt.Served.UNKNOWN;
    Optional<Entry> delta = Optional.empty();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> id = in.uint64();
        case 2 -> outcome = in.message(ReplyCodec::readDone);
        case 3 -> outcome = in.message(ReplyCodec::readFailed);
        case 4 -> generation = in.fixed64();
        case 5 -> kind = WireReader.kindOf(in.uint64());
        case 6 -> dots = in.message(CausalCodec::readContext);
        case 7 -> copies = in.uint32();
        case 8 -> durableCopies = in.uint32();
        case 9 -> clock = in.fixed64();
        case 10 -> ringVersion = in.uint64();
        case 11 -> placement = Optional.of(in.message(ReplyCodec::readPlacement));
        case 12 -> fieldGenerations = CausalCodec.readTimestamps(in, fieldGenerations);
        case 13 -> asOf = in.fixed64();
        case 14 -> served = servedBy(in.uint32());
        case 15 -> delta = Optional.of(in.message(inner -> LatticeCodec.readEntry(inner, 0)));
        default -> in.skip();
      }
    }
    if (outcome == null) {
      throw WireReader.bad("a reply to request " + id + " without an outcome");
    }
    return new Reply(
        id,
        outcome,
        timestamp(generation),
        kind,
        dots,
        receipt(copies, durableCopies, timestamp(asOf), served),
        timestamp(clock),
        ringVersion,
        placement,
        fieldGenerations,
        delta);
  }

  private static HybridTimestamp timestamp(long packed) {
    return packed == 0 ? HybridTimestamp.ZERO : new HybridTimestamp(packed);
  }

  private static Receipt receipt(
      int copies, int durableCopies, HybridTimestamp asOf, Receipt.Served served) {
    boolean isNone =
        copies == 0
            && durableCopies == 0
            && asOf.equals(HybridTimestamp.ZERO)
            && served == Receipt.Served.UNKNOWN;
    return isNone
        ? Receipt.NONE
        : new Receipt(copies, durableCopies, HybridTimestamp.ZERO, asOf, served);
  }

  private static Receipt.Served servedBy(int tier) {
    if (tier == NodeDescriptor.Tier.MEMORY.number()) {
      return Receipt.Served.MEMORY;
    }
    return tier == NodeDescriptor.Tier.SSD.number() ? Receipt.Served.SSD : Receipt.Served.UNKNOWN;
  }

  private static Outcome.Done readDone(WireReader in) throws WireException {
    View view = NOTHING;
    long changed = 0;
    boolean repeated = false;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> view = in.message(inner -> readView(inner, 0));
        case 2 -> changed = in.uint64();
        case 3 -> repeated = in.bool();
        default -> in.skip();
      }
    }
    return new Outcome.Done(view, changed, repeated);
  }

  static void writeFailed(WireWriter out, int field, Outcome.Failed failed) {
    out.open(field, failed.message().length());
    out.uint32(1, failed.code().number());
    out.text(2, failed.message());
    failed
        .retryAfter()
        .ifPresent(
            pause -> {
              out.open(3);
              out.sint64(1, pause.getSeconds());
              out.uint32(2, pause.getNano());
              out.close();
            });
    out.close();
  }

  static Outcome.Failed readFailed(WireReader in) throws WireException {
    int code = 0;
    String message = "";
    Optional<Duration> retryAfter = Optional.empty();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> code = in.uint32();
        case 2 -> message = in.text("message of a failure");
        case 3 -> retryAfter = Optional.of(in.message(ReplyCodec::readDuration));
        default -> in.skip();
      }
    }
    return new Outcome.Failed(readCode(code), message, retryAfter);
  }

  static ErrorCode readCode(int number) throws WireException {
    Optional<ErrorCode> code = ErrorCode.ofNumber(number);
    if (code.isEmpty()) {
      throw WireReader.bad("unknown error code number " + Integer.toUnsignedString(number));
    }
    return code.get();
  }

  private static Duration readDuration(WireReader in) throws WireException {
    long seconds = 0;
    int nanos = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> seconds = in.sint64();
        case 2 -> nanos = in.uint32();
        default -> in.skip();
      }
    }
    if (nanos < 0 || nanos >= NANOS_PER_SECOND) {
      throw WireReader.bad(
          "a duration with " + Integer.toUnsignedString(nanos) + " ns beside its seconds");
    }
    return Duration.ofSeconds(seconds, nanos);
  }

  static void writePlacement(WireWriter out, int field, Placement placement) {
    out.open(field);
    out.uint32(1, placement.memoryNodes());
    out.uint32(2, placement.ssdNodes());
    out.uint32(3, placement.shardsPerNode());
    out.close();
  }

  static Placement readPlacement(WireReader in) throws WireException {
    int memoryNodes = 0;
    int ssdNodes = 0;
    int shardsPerNode = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> memoryNodes = in.uint32();
        case 2 -> ssdNodes = in.uint32();
        case 3 -> shardsPerNode = in.uint32();
        default -> in.skip();
      }
    }
    return new Placement(memoryNodes, ssdNodes, shardsPerNode);
  }

  // ---- Views ----

  /// Leaves out [View.Nothing].
  static void writeView(WireWriter out, int field, View view) {
    if (view instanceof View.Nothing) {
      return;
    }
    int expected = expectedBytes(view);
    out.open(field, expected);
    switch (view) {
      case View.Nothing nothing -> {}
      case View.Whole whole -> out.alwaysSint64(3, whole.value());
      case View.Truth truth -> out.alwaysUint64(4, truth.value() ? 1 : 0);
      default -> {
        out.open(numberOf(view), expected);
        writeContent(out, view);
        out.close();
      }
    }
    out.close();
  }

  private static int numberOf(View view) {
    return switch (view) {
      case View.Nothing nothing -> 0;
      case View.Missing missing -> 1;
      case View.Bytes bytes -> 2;
      case View.Whole whole -> 3;
      case View.Truth truth -> 4;
      case View.Elements elements -> 5;
      case View.Scored scored -> 6;
      case View.Fields fields -> 7;
      case View.Conflict conflict -> 8;
      case View.Siblings siblings -> 9;
      case View.Prioritized prioritized -> 10;
      case View.Records records -> 11;
      case View.State state -> 12;
      case View.Placed placed -> 13;
    };
  }

  private static void writeContent(WireWriter out, View view) {
    switch (view) {
      case View.Nothing nothing -> {}
      case View.Missing missing -> {}
      case View.Whole whole -> {}
      case View.Truth truth -> {}
      case View.Bytes bytes -> {
        out.bytes(1, bytes.value());
        out.uint64(2, bytes.expiresAtMillis());
      }
      case View.Elements elements ->
          elements.elements().forEach(element -> out.alwaysBytes(1, element));
      case View.Scored scored -> RequestCodec.writeScored(out, scored.members());
      case View.Fields fields ->
          fields
              .fields()
              .forEach(
                  (name, one) -> {
                    out.open(1, expectedBytes(one.view()));
                    out.bytes(1, name);
                    one.kind().ifPresent(kind -> out.uint32(2, kind.number()));
                    writeView(out, 3, one.view());
                    out.close();
                  });
      case View.Conflict conflict -> {
        out.open(1);
        conflict.kindNumbers().forEach(number -> out.varint(Integer.toUnsignedLong(number)));
        out.closeUnlessEmpty();
      }
      case View.Siblings siblings -> {
        for (View.Sibling sibling : siblings.siblings()) {
          out.open(1, sibling.value().size());
          out.bytes(1, sibling.value());
          CausalCodec.writeDependencies(out, 2, sibling.dependencies());
          out.close();
        }
        CausalCodec.writeContext(out, 2, siblings.context());
      }
      case View.Prioritized prioritized -> {
        out.float64(1, prioritized.priority());
        out.bytes(2, prioritized.value());
      }
      case View.Records records -> {
        List<LogItem> items = new ArrayList<>(records.records().size());
        for (View.LogRecord one : records.records()) {
          items.add(new LogItem(one.timestamp(), one.dot(), one.value()));
        }
        CausalCodec.writeRecords(out, 1, 2, items);
        CausalCodec.writeContext(out, 3, records.seen());
      }
      case View.State state -> LatticeCodec.writeEntry(out, state.entry());
      case View.Placed placed -> {
        writePlacement(out, 1, placed.placement());
        out.bool(2, placed.explicit());
      }
    }
  }

  /// @param depth in how many maps the value is
  static View readView(WireReader in, int depth) throws WireException {
    @Nullable View view = null;
    int unknown = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> view = in.message(ReplyCodec::readMissing);
        case 2 -> view = in.message(ReplyCodec::readBytes);
        case 3 -> view = new View.Whole(in.sint64());
        case 4 -> view = new View.Truth(in.bool());
        case 5 -> view = new View.Elements(in.message(ReplyCodec::readElements));
        case 6 -> view = new View.Scored(in.message(RequestCodec::readScored));
        case 7 -> view = in.message(inner -> readFields(inner, depth + 1));
        case 8 -> view = in.message(ReplyCodec::readConflict);
        case 9 -> view = in.message(ReplyCodec::readSiblings);
        case 10 -> view = in.message(ReplyCodec::readPrioritized);
        case 11 -> view = in.message(ReplyCodec::readRecords);
        case 12 -> view = in.message(inner -> readState(inner, depth));
        case 13 -> view = in.message(ReplyCodec::readPlaced);
        default -> {
          unknown = field;
          in.skip();
        }
      }
    }
    if (view == null && unknown != 0) {
      throw WireReader.bad("unknown view number " + unknown);
    }
    return view == null ? NOTHING : view;
  }

  private static View readMissing(WireReader in) throws WireException {
    in.skipAll();
    return new View.Missing();
  }

  private static View readState(WireReader in, int depth) throws WireException {
    Entry entry = LatticeCodec.readEntry(in, depth);
    return new View.State(entry);
  }

  private static View readPlaced(WireReader in) throws WireException {
    @Nullable Placement placement = null;
    boolean explicit = false;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> placement = in.message(ReplyCodec::readPlacement);
        case 2 -> explicit = in.bool();
        default -> in.skip();
      }
    }
    if (placement == null) {
      throw WireReader.bad("a view of a placement without the placement");
    }
    return new View.Placed(placement, explicit);
  }

  private static View readBytes(WireReader in) throws WireException {
    Payload value = Payload.EMPTY;
    long expiresAtMillis = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> value = in.bytes();
        case 2 -> expiresAtMillis = in.uint64();
        default -> in.skip();
      }
    }
    return new View.Bytes(value, expiresAtMillis);
  }

  private static List<Payload> readElements(WireReader in) throws WireException {
    List<Payload> elements = new ArrayList<>();
    while (in.seek(1)) {
      in.spend(RequestCodec.ELEMENT_HEAP_BYTES);
      elements.add(in.bytes());
    }
    return elements;
  }

  private static View readFields(WireReader in, int depth) throws WireException {
    WireReader.requireDepth(depth);
    SortedMap<Payload, View.Field> fields = new TreeMap<>();
    while (in.seek(1)) {
      in.spend(FIELD_HEAP_BYTES);
      in.part(one -> readFieldView(one, depth, fields));
    }
    return new View.Fields(fields);
  }

  private static void readFieldView(WireReader in, int depth, Map<Payload, View.Field> fields)
      throws WireException {
    Payload name = Payload.EMPTY;
    Optional<Kind> kind = Optional.empty();
    View view = NOTHING;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> name = in.bytes();
        case 2 -> kind = WireReader.kindOf(in.uint64());
        case 3 -> view = in.message(inner -> readView(inner, depth));
        default -> in.skip();
      }
    }
    if (fields.put(name, new View.Field(kind, view)) != null) {
      throw WireReader.bad("a view with two fields named " + name);
    }
  }

  private static View readConflict(WireReader in) throws WireException {
    List<Integer> kinds = new ArrayList<>();
    while (in.seek(1)) {
      in.varints(number -> kinds.add((int) number));
    }
    return new View.Conflict(kinds);
  }

  private static View readSiblings(WireReader in) throws WireException {
    List<View.Sibling> siblings = new ArrayList<>();
    CausalContext context = CausalContext.EMPTY;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> {
          in.spend(SIBLING_HEAP_BYTES);
          siblings.add(in.message(ReplyCodec::readSibling));
        }
        case 2 -> context = in.message(CausalCodec::readContext);
        default -> in.skip();
      }
    }
    return new View.Siblings(siblings, context);
  }

  private static View.Sibling readSibling(WireReader in) throws WireException {
    Payload value = Payload.EMPTY;
    SortedMap<Payload, CausalContext> dependencies = new TreeMap<>();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> value = in.bytes();
        case 2 -> CausalCodec.readDependency(in, dependencies);
        default -> in.skip();
      }
    }
    return new View.Sibling(value, dependencies);
  }

  private static View readPrioritized(WireReader in) throws WireException {
    double priority = 0;
    Payload value = Payload.EMPTY;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> priority = in.float64();
        case 2 -> value = in.bytes();
        default -> in.skip();
      }
    }
    return new View.Prioritized(priority, value);
  }

  private static View readRecords(WireReader in) throws WireException {
    CausalCodec.RecordReader reader = new CausalCodec.RecordReader();
    CausalContext seen = CausalContext.EMPTY;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> reader.readReplica(in);
        case 2 -> reader.readRecord(in);
        case 3 -> seen = in.message(CausalCodec::readContext);
        default -> in.skip();
      }
    }
    List<View.LogRecord> records = new ArrayList<>();
    for (LogItem item : reader.records()) {
      records.add(new View.LogRecord(item.timestamp(), item.dot(), item.value()));
    }
    return new View.Records(records, seen);
  }
}
