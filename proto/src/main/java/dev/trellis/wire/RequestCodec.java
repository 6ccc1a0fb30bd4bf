package dev.trellis.wire;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.Tag;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation.ScoredMember;
import dev.trellis.wire.WireReader.NumberList;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Requests and their operations.
final class RequestCodec {
  static final int ELEMENT_HEAP_BYTES = 48;
  private static final int SCORED_HEAP_BYTES = 72;

  private RequestCodec() {}

  /// About how many bytes the request will take.
  static int expectedBytes(Request request) {
    return 64 + request.key().size() + expectedBytes(request.operation());
  }

  private static int expectedBytes(Operation operation) {
    return switch (operation) {
      case Mutation.Put put -> put.value().size() + 8;
      case Mutation.PutCausal put -> put.value().size() + 32;
      case Mutation.PutMultiCausal put -> put.value().size() + 64;
      case Mutation.PutPriority put -> put.value().size() + 16;
      case Mutation.UpdateField update -> update.field().size() + expectedBytes(update.mutation());
      case Mutation.Merge merge -> LatticeCodec.expectedBytes(merge.entry());
      default -> 32;
    };
  }

  // ---- Requests ----

  static void write(WireWriter out, Request request) {
    RequestContext context = request.context();
    out.uint64(1, request.id());
    out.bytes(2, request.key());
    out.open(3, expectedBytes(request.operation()));
    writeOperation(out, request.operation());
    out.close();
    out.uint64(4, context.sequence());
    out.fixed64(5, context.timestamp().packed());
    context.generation().ifPresent(generation -> out.alwaysFixed64(6, generation.packed()));
    out.uint32(7, context.acknowledgement().number());
    out.uint32(8, context.read().number());
    out.uint64(9, context.ttlMillis());
    out.uint64(10, context.timeoutMillis());
    out.uint64(11, context.ringVersion());
    out.bool(12, context.repeat());
    CausalCodec.writeTimestamps(out, 13, context.fieldGenerations());
    out.uint64(14, context.observedMicros());
    writeDemand(out, context.demand());
    context.tag().ifPresent(tag -> writeTag(out, tag));
  }

  private static void writeTag(WireWriter out, Tag tag) {
    out.open(30);
    out.fixed64(1, tag.invocation().high());
    out.fixed64(2, tag.invocation().low());
    out.uint64(3, tag.number());
    out.close();
  }

  private static Tag readTag(WireReader in) throws WireException {
    long high = 0;
    long low = 0;
    long number = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> high = in.fixed64();
        case 2 -> low = in.fixed64();
        case 3 -> number = in.uint64();
        default -> in.skip();
      }
    }
    return new Tag(new InvocationId(high, low), number);
  }

  private static void writeDemand(WireWriter out, Demand demand) {
    if (!demand.equals(Demand.NONE)) {
      out.open(15);
      out.fixed64(1, demand.notBefore().packed());
      out.bool(2, demand.receipt());
      out.bool(3, demand.delta());
      out.close();
    }
  }

  private static Demand readDemand(WireReader in) throws WireException {
    long notBefore = 0;
    boolean receipt = false;
    boolean delta = false;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> notBefore = in.fixed64();
        case 2 -> receipt = in.bool();
        case 3 -> delta = in.bool();
        default -> in.skip();
      }
    }
    return new Demand(new HybridTimestamp(notBefore), receipt, delta);
  }

  /// Reads a request; what is wrong after its id is told with the id.
  static Request readSingle(WireReader in) throws WireException {
    RequestReader reader = new RequestReader();
    try {
      return reader.read(in);
    } catch (WireException e) {
      throw reader.complaint(e);
    } catch (IllegalArgumentException e) {
      throw reader.complaint(WireReader.refused(e));
    }
  }

  static Request read(WireReader in) throws WireException {
    return new RequestReader().read(in);
  }

  /// Reads one request and remembers how far it came.
  private static final class RequestReader {
    private OptionalLong id = OptionalLong.empty();

    Request read(WireReader in) throws WireException {
      Payload key = Payload.EMPTY;
      @Nullable Operation operation = null;
      long sequence = 0;
      long timestamp = 0;
      Optional<HybridTimestamp> generation = Optional.empty();
      Acknowledgement acknowledgement = Acknowledgement.DEFAULT;
      ReadMode mode = ReadMode.ANY;
      long ttlMillis = 0;
      long timeoutMillis = 0;
      long ringVersion = 0;
      boolean repeat = false;
      List<HybridTimestamp> fieldGenerations = List.of();
      long observedMicros = 0;
      Demand demand = Demand.NONE;
      Optional<Tag> tag = Optional.empty();
      for (int field = in.next(); field != 0; field = in.next()) {
        switch (field) {
          case 1 -> id = OptionalLong.of(in.uint64());
          case 2 -> key = in.keyBound();
          case 3 -> operation = in.message(inner -> readOperation(inner, 0));
          case 4 -> sequence = in.uint64();
          case 5 -> timestamp = in.fixed64();
          case 6 -> generation = Optional.of(new HybridTimestamp(in.fixed64()));
          case 7 -> acknowledgement = acknowledgement(in.uint32());
          case 8 -> mode = readMode(in.uint32());
          case 9 -> ttlMillis = in.uint64();
          case 10 -> timeoutMillis = in.uint64();
          case 11 -> ringVersion = in.uint64();
          case 12 -> repeat = in.bool();
          case 13 -> fieldGenerations = CausalCodec.readTimestamps(in, fieldGenerations);
          case 14 -> observedMicros = in.uint64();
          case 15 -> demand = in.message(RequestCodec::readDemand);
          case 30 -> tag = Optional.of(in.message(RequestCodec::readTag));
          default -> in.skip();
        }
      }
      WireReader.requireNonEmpty(key);
      if (operation == null) {
        throw WireReader.bad("a request without an operation");
      }
      RequestContext context =
          new RequestContext(
              sequence,
              repeat,
              new HybridTimestamp(timestamp),
              generation,
              acknowledgement,
              mode,
              ttlMillis,
              timeoutMillis,
              ringVersion,
              fieldGenerations,
              observedMicros,
              demand,
              tag);
      return new Request(id.orElse(0), key, operation, context);
    }

    WireException complaint(WireException cause) {
      return id.isPresent() ? new WireException(cause, id.getAsLong()) : cause;
    }
  }

  private static Acknowledgement acknowledgement(int number) throws WireException {
    for (Acknowledgement level : Acknowledgement.values()) {
      if (level.number() == number) {
        return level;
      }
    }
    throw WireReader.bad("unknown acknowledgement number " + Integer.toUnsignedString(number));
  }

  private static ReadMode readMode(int number) throws WireException {
    for (ReadMode mode : ReadMode.values()) {
      if (mode.number() == number) {
        return mode;
      }
    }
    throw WireReader.bad("unknown read mode number " + Integer.toUnsignedString(number));
  }

  // ---- Operations ----

  private static void writeOperation(WireWriter out, Operation operation) {
    out.open(numberOf(operation), expectedBytes(operation));
    switch (operation) {
      case Read read -> writeRead(out, read);
      case Mutation mutation -> writeMutation(out, mutation);
    }
    out.close();
  }

  private static int numberOf(Operation operation) {
    return switch (operation) {
      case Read.Get get -> 1;
      case Mutation.Put put -> 2;
      case Mutation.Increment increment -> 3;
      case Mutation.Add add -> 4;
      case Mutation.Remove remove -> 5;
      case Mutation.UpdateField update -> 6;
      case Read.Field field -> 7;
      case Mutation.Merge merge -> 8;
      case Mutation.Delete delete -> 9;
      case Mutation.PutCausal put -> 10;
      case Mutation.Append append -> 11;
      case Read.Since since -> 12;
      case Mutation.Raise raise -> 16;
      case Mutation.Lower lower -> 17;
      case Mutation.Enable enable -> 18;
      case Mutation.AddScored add -> 19;
      case Mutation.RemoveMembers remove -> 20;
      case Mutation.PutMultiCausal put -> 21;
      case Mutation.PutPriority put -> 22;
      case Mutation.Trim trim -> 23;
      case Mutation.Expire expire -> 24;
      case Mutation.Place place -> 25;
      case Mutation.Commit commit -> 26;
      case Read.State state -> 32;
      case Read.Contains contains -> 33;
      case Read.Size size -> 34;
      case Read.Range range -> 35;
      case Read.Scores scores -> 36;
      case Read.Placed placed -> 37;
      case Read.Await await -> 38;
    };
  }

  private static void writeRead(WireWriter out, Read operation) {
    switch (operation) {
      case Read.Get get -> writeKind(out, get.kind());
      case Read.State state -> {}
      case Read.Placed placed -> {}
      case Read.Contains contains -> {
        out.uint32(1, contains.of().number());
        writeElements(out, 2, contains.elements());
      }
      case Read.Size size -> out.uint32(1, size.of().number());
      case Read.Range range -> {
        out.uint32(1, range.of().number());
        range.from().ifPresent(from -> out.alwaysBytes(2, from));
        range.to().ifPresent(to -> out.alwaysBytes(3, to));
        out.uint32(4, range.limit());
        out.bool(5, range.descending());
      }
      case Read.Scores scores -> {
        out.float64(1, scores.min());
        out.float64(2, scores.max());
        out.uint32(3, scores.limit());
        out.bool(4, scores.descending());
      }
      case Read.Since since -> {
        CausalCodec.writeContext(out, 1, since.seen());
        out.uint32(2, since.limit());
      }
      case Read.Await await -> ThresholdCodec.write(out, await.threshold());
      case Read.Field field -> {
        out.bytes(1, field.field());
        out.open(2);
        writeOperation(out, field.read());
        out.close();
      }
    }
  }

  private static void writeMutation(WireWriter out, Mutation operation) {
    switch (operation) {
      case Mutation.Put put -> out.bytes(1, put.value());
      case Mutation.Raise raise -> out.sint64(1, raise.to());
      case Mutation.Lower lower -> out.sint64(1, lower.to());
      case Mutation.Enable enable -> {}
      case Mutation.Increment increment -> out.sint64(1, increment.by());
      case Mutation.Add add -> {
        out.uint32(1, add.to().number());
        writeElements(out, 2, add.elements());
      }
      case Mutation.Remove remove -> writeElements(out, 1, remove.elements());
      case Mutation.AddScored add -> {
        out.open(1);
        writeScored(out, add.members());
        out.close();
      }
      case Mutation.RemoveMembers remove -> writeElements(out, 1, remove.members());
      case Mutation.UpdateField update -> {
        out.bytes(1, update.field());
        out.open(2, expectedBytes(update.mutation()));
        writeOperation(out, update.mutation());
        out.close();
      }
      case Mutation.PutCausal put -> {
        out.bytes(1, put.value());
        CausalCodec.writeContext(out, 2, put.context());
      }
      case Mutation.PutMultiCausal put -> {
        out.bytes(1, put.value());
        CausalCodec.writeContext(out, 2, put.context());
        CausalCodec.writeDependencies(out, 3, put.dependencies());
        out.fixed64(4, put.horizon().packed());
      }
      case Mutation.PutPriority put -> {
        out.float64(1, put.priority());
        out.bytes(2, put.value());
      }
      case Mutation.Append append -> {
        writeElements(out, 1, append.records());
        out.uint32(2, append.position());
        out.uint64(3, append.recordsMax());
        out.uint64(4, append.bytesMax());
      }
      case Mutation.Trim trim -> CausalCodec.writeContext(out, 1, trim.observed());
      case Mutation.Delete delete -> {}
      case Mutation.Expire expire -> expire.ttlMillis().ifPresent(ttl -> out.alwaysUint64(1, ttl));
      case Mutation.Place place -> {
        place.placement().ifPresent(placement -> ReplyCodec.writePlacement(out, 1, placement));
        out.uint64(2, place.epoch());
      }
      case Mutation.Commit commit -> {
        writeElements(out, 1, commit.keys());
        for (Mutation mutation : commit.mutations()) {
          out.open(2, expectedBytes(mutation));
          writeOperation(out, mutation);
          out.close();
        }
      }
      case Mutation.Merge merge -> {
        out.open(1, LatticeCodec.expectedBytes(merge.entry()));
        LatticeCodec.writeEntry(out, merge.entry());
        out.closeUnlessEmpty();
      }
    }
  }

  /// @param depth in how many maps the operation is
  private static Operation readOperation(WireReader in, int depth) throws WireException {
    @Nullable Operation operation = null;
    int unknown = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> operation = in.message(RequestCodec::readGet);
        case 2 -> operation = new Mutation.Put(in.message(RequestCodec::readPayload));
        case 3 -> operation = new Mutation.Increment(in.message(RequestCodec::readNumber));
        case 4 -> operation = in.message(RequestCodec::readAdd);
        case 5 -> operation = new Mutation.Remove(in.message(RequestCodec::readPayloads));
        case 6 -> operation = in.message(inner -> readUpdateField(inner, depth + 1));
        case 7 -> operation = in.message(inner -> readField(inner, depth + 1));
        case 8 -> operation = new Mutation.Merge(in.message(RequestCodec::readMerge));
        case 9 -> operation = in.message(inner -> readNothing(inner, new Mutation.Delete()));
        case 10 -> operation = in.message(RequestCodec::readPutCausal);
        case 11 -> operation = in.message(RequestCodec::readAppend);
        case 12 -> operation = in.message(RequestCodec::readSince);
        case 16 -> operation = new Mutation.Raise(in.message(RequestCodec::readNumber));
        case 17 -> operation = new Mutation.Lower(in.message(RequestCodec::readNumber));
        case 18 -> operation = in.message(inner -> readNothing(inner, new Mutation.Enable()));
        case 19 -> operation = new Mutation.AddScored(in.message(RequestCodec::readAddScored));
        case 20 -> operation = new Mutation.RemoveMembers(in.message(RequestCodec::readPayloads));
        case 21 -> operation = in.message(RequestCodec::readPutMultiCausal);
        case 22 -> operation = in.message(RequestCodec::readPutPriority);
        case 23 -> operation = new Mutation.Trim(in.message(RequestCodec::readTrim));
        case 24 -> operation = new Mutation.Expire(in.message(RequestCodec::readTtl));
        case 25 -> operation = in.message(RequestCodec::readPlace);
        case 26 -> operation = in.message(inner -> readCommit(inner, depth));
        case 32 -> operation = in.message(inner -> readNothing(inner, new Read.State()));
        case 33 -> operation = in.message(RequestCodec::readContains);
        case 34 -> operation = in.message(RequestCodec::readSize);
        case 35 -> operation = in.message(RequestCodec::readRange);
        case 36 -> operation = in.message(RequestCodec::readScores);
        case 37 -> operation = in.message(inner -> readNothing(inner, new Read.Placed()));
        case 38 -> operation = new Read.Await(in.message(ThresholdCodec::read));
        default -> {
          unknown = field;
          in.skip();
        }
      }
    }
    if (operation == null) {
      throw WireReader.bad(
          unknown == 0 ? "an operation that is empty" : "unknown operation number " + unknown);
    }
    return operation;
  }

  private static void writeKind(WireWriter out, Optional<Kind> kind) {
    kind.ifPresent(known -> out.uint32(1, known.number()));
  }

  static Kind requireKind(@Nullable Kind kind) throws WireException {
    if (kind == null) {
      throw WireReader.bad("an operation that does not name its kind");
    }
    return kind;
  }

  private static Read.Get readGet(WireReader in) throws WireException {
    Optional<Kind> kind = Optional.empty();
    while (in.seek(1)) {
      kind = in.kind();
    }
    return kind.isEmpty() ? Read.Get.ANY : new Read.Get(kind);
  }

  private static Payload readPayload(WireReader in) throws WireException {
    Payload payload = Payload.EMPTY;
    while (in.seek(1)) {
      payload = in.value();
    }
    return payload;
  }

  private static long readNumber(WireReader in) throws WireException {
    long number = 0;
    while (in.seek(1)) {
      number = in.sint64();
    }
    return number;
  }

  private static <T> T readNothing(WireReader in, T operation) throws WireException {
    in.skipAll();
    return operation;
  }

  static void writeElements(WireWriter out, int field, List<Payload> elements) {
    for (Payload element : elements) {
      out.alwaysBytes(field, element);
    }
  }

  /// Reads one element of a list into `elements`.
  static void readElement(WireReader in, List<Payload> elements) throws WireException {
    in.spend(ELEMENT_HEAP_BYTES);
    elements.add(in.value());
  }

  /// The repeated payloads of field 1.
  private static List<Payload> readPayloads(WireReader in) throws WireException {
    List<Payload> payloads = new ArrayList<>();
    while (in.seek(1)) {
      readElement(in, payloads);
    }
    return payloads;
  }

  private static Mutation.Append readAppend(WireReader in) throws WireException {
    List<Payload> records = new ArrayList<>();
    int position = 0;
    long recordsMax = 0;
    long bytesMax = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> readElement(in, records);
        case 2 -> position = in.uint32();
        case 3 -> recordsMax = in.uint64();
        case 4 -> bytesMax = in.uint64();
        default -> in.skip();
      }
    }
    return new Mutation.Append(records, position, recordsMax, bytesMax);
  }

  private static Mutation.Add readAdd(WireReader in) throws WireException {
    @Nullable Kind kind = null;
    List<Payload> elements = new ArrayList<>();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> kind = in.kind().orElse(null);
        case 2 -> readElement(in, elements);
        default -> in.skip();
      }
    }
    return new Mutation.Add(requireKind(kind), elements);
  }

  private static Read.Contains readContains(WireReader in) throws WireException {
    @Nullable Kind kind = null;
    List<Payload> elements = new ArrayList<>();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> kind = in.kind().orElse(null);
        case 2 -> readElement(in, elements);
        default -> in.skip();
      }
    }
    return new Read.Contains(requireKind(kind), elements);
  }

  private static Read.Size readSize(WireReader in) throws WireException {
    @Nullable Kind kind = null;
    while (in.seek(1)) {
      kind = in.kind().orElse(null);
    }
    return new Read.Size(requireKind(kind));
  }

  private static Read.Range readRange(WireReader in) throws WireException {
    @Nullable Kind kind = null;
    Optional<Payload> from = Optional.empty();
    Optional<Payload> to = Optional.empty();
    int limit = 0;
    boolean descending = false;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> kind = in.kind().orElse(null);
        case 2 -> from = Optional.of(in.value());
        case 3 -> to = Optional.of(in.value());
        case 4 -> limit = in.uint32();
        case 5 -> descending = in.bool();
        default -> in.skip();
      }
    }
    return new Read.Range(requireKind(kind), from, to, limit, descending);
  }

  private static Read.Scores readScores(WireReader in) throws WireException {
    double min = 0;
    double max = 0;
    int limit = 0;
    boolean descending = false;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> min = in.float64();
        case 2 -> max = in.float64();
        case 3 -> limit = in.uint32();
        case 4 -> descending = in.bool();
        default -> in.skip();
      }
    }
    return new Read.Scores(min, max, limit, descending);
  }

  private static Read.Since readSince(WireReader in) throws WireException {
    CausalContext seen = CausalContext.EMPTY;
    int limit = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> seen = in.message(CausalCodec::readContext);
        case 2 -> limit = in.uint32();
        default -> in.skip();
      }
    }
    return new Read.Since(seen, limit);
  }

  private static Read.Field readField(WireReader in, int depth) throws WireException {
    WireReader.requireDepth(depth);
    Payload name = Payload.EMPTY;
    @Nullable Operation inner = null;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> name = in.value();
        case 2 -> inner = in.message(operation -> readOperation(operation, depth));
        default -> in.skip();
      }
    }
    if (!(inner instanceof Read read)) {
      throw WireReader.bad(
          "a read of field " + name + (inner == null ? " without a read" : " that is a mutation"));
    }
    if (read instanceof Read.Placed) {
      throw WireReader.bad("the placement of field " + name + "; a field is where its key is");
    }
    if (read instanceof Read.Await) {
      throw WireReader.bad("a threshold in field " + name + "; only whole keys are waited for");
    }
    return new Read.Field(name, read);
  }

  private static Mutation.UpdateField readUpdateField(WireReader in, int depth)
      throws WireException {
    WireReader.requireDepth(depth);
    Payload name = Payload.EMPTY;
    @Nullable Operation inner = null;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> name = in.value();
        case 2 -> inner = in.message(operation -> readOperation(operation, depth));
        default -> in.skip();
      }
    }
    if (!(inner instanceof Mutation mutation)) {
      throw WireReader.bad(
          "an update of field "
              + name
              + (inner == null ? " without a mutation" : " that is a read"));
    }
    if (mutation instanceof Mutation.Merge) {
      throw WireReader.bad("a merge into field " + name + "; merge the whole entry instead");
    }
    if (mutation instanceof Mutation.Place) {
      throw WireReader.bad("a placement of field " + name + "; place the whole key instead");
    }
    return new Mutation.UpdateField(name, mutation);
  }

  private static Mutation.PutCausal readPutCausal(WireReader in) throws WireException {
    Payload value = Payload.EMPTY;
    CausalContext context = CausalContext.EMPTY;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> value = in.value();
        case 2 -> context = in.message(CausalCodec::readContext);
        default -> in.skip();
      }
    }
    return new Mutation.PutCausal(value, context);
  }

  private static Mutation.PutMultiCausal readPutMultiCausal(WireReader in) throws WireException {
    Payload value = Payload.EMPTY;
    CausalContext context = CausalContext.EMPTY;
    SortedMap<Payload, CausalContext> dependencies = new TreeMap<>();
    long horizon = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> value = in.value();
        case 2 -> context = in.message(CausalCodec::readContext);
        case 3 -> CausalCodec.readDependency(in, dependencies);
        case 4 -> horizon = in.fixed64();
        default -> in.skip();
      }
    }
    for (Payload key : dependencies.keySet()) {
      in.requireKey(key);
    }
    return new Mutation.PutMultiCausal(value, context, dependencies, new HybridTimestamp(horizon));
  }

  private static Mutation.PutPriority readPutPriority(WireReader in) throws WireException {
    double priority = 0;
    Payload value = Payload.EMPTY;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> priority = in.float64();
        case 2 -> value = in.value();
        default -> in.skip();
      }
    }
    return new Mutation.PutPriority(priority, value);
  }

  private static CausalContext readTrim(WireReader in) throws WireException {
    CausalContext observed = CausalContext.EMPTY;
    while (in.seek(1)) {
      observed = in.message(CausalCodec::readContext);
    }
    return observed;
  }

  private static OptionalLong readTtl(WireReader in) throws WireException {
    OptionalLong ttlMillis = OptionalLong.empty();
    while (in.seek(1)) {
      ttlMillis = OptionalLong.of(in.uint64());
    }
    return ttlMillis;
  }

  private static Mutation.Commit readCommit(WireReader in, int depth) throws WireException {
    List<Payload> keys = new ArrayList<>();
    List<Mutation> mutations = new ArrayList<>();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> {
          in.spend(ELEMENT_HEAP_BYTES);
          keys.add(in.keyBound());
        }
        case 2 -> {
          in.spend(ELEMENT_HEAP_BYTES);
          Operation operation = in.message(inner -> readOperation(inner, depth));
          if (!(operation instanceof Mutation mutation) || !Mutation.isSelfStamped(mutation)) {
            throw WireReader.bad(
                "a commit with an operation that needs more than its timestamp: a shard that"
                    + " carries it out names what it writes, or goes by what it finds");
          }
          mutations.add(mutation);
        }
        default -> in.skip();
      }
    }
    return new Mutation.Commit(keys, mutations);
  }

  private static Mutation.Place readPlace(WireReader in) throws WireException {
    Optional<Placement> placement = Optional.empty();
    long epoch = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> placement = Optional.of(in.message(ReplyCodec::readPlacement));
        case 2 -> epoch = in.uint64();
        default -> in.skip();
      }
    }
    if (epoch < 0) {
      throw WireReader.bad("a placement of an epoch above 2^63 - 1");
    }
    return new Mutation.Place(placement, epoch);
  }

  private static Entry readMerge(WireReader in) throws WireException {
    Entry entry = Entry.BOTTOM;
    while (in.seek(1)) {
      entry = in.message(inner -> LatticeCodec.readEntry(inner, 0));
    }
    return entry;
  }

  // ---- Members with scores ----

  static void writeScored(WireWriter out, List<ScoredMember> members) {
    if (members.isEmpty()) {
      return;
    }
    for (ScoredMember member : members) {
      out.alwaysBytes(1, member.member());
    }
    out.open(2, Long.BYTES * members.size());
    for (ScoredMember member : members) {
      out.rawFixed64(Double.doubleToRawLongBits(member.score()));
    }
    out.close();
  }

  /// Reads members that a request brings.
  private static List<ScoredMember> readNewScored(WireReader in) throws WireException {
    List<ScoredMember> members = readScored(in);
    for (ScoredMember member : members) {
      in.requireValue(member.member());
    }
    return members;
  }

  static List<ScoredMember> readScored(WireReader in) throws WireException {
    List<Payload> members = new ArrayList<>();
    NumberList scores = new NumberList();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> {
          in.spend(SCORED_HEAP_BYTES);
          members.add(in.bytes());
        }
        case 2 -> in.fixed64s(scores);
        default -> in.skip();
      }
    }
    if (members.size() != scores.size()) {
      throw WireReader.bad(members.size() + " members with " + scores.size() + " scores");
    }
    List<ScoredMember> scored = new ArrayList<>(members.size());
    for (int at = 0; at < members.size(); at++) {
      scored.add(new ScoredMember(members.get(at), Double.longBitsToDouble(scores.at(at))));
    }
    return scored;
  }

  private static List<ScoredMember> readAddScored(WireReader in) throws WireException {
    List<ScoredMember> members = List.of();
    while (in.seek(1)) {
      members = in.message(RequestCodec::readNewScored);
    }
    return members;
  }
}
