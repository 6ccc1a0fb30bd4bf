package dev.trellis.wire;

import dev.trellis.causal.CausalContext;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// What a threshold read waits for.
final class ThresholdCodec {
  private ThresholdCodec() {}

  static void write(WireWriter out, Threshold threshold) {
    switch (threshold) {
      case Threshold.AtLeast atLeast -> writeBound(out, 1, atLeast.of(), atLeast.bound());
      case Threshold.AtMost atMost -> writeBound(out, 2, atMost.of(), atMost.bound());
      case Threshold.Contains contains -> {
        out.open(3);
        out.uint32(1, contains.of().number());
        RequestCodec.writeElements(out, 2, contains.elements());
        out.close();
      }
      case Threshold.Enabled enabled -> {
        out.open(4);
        out.uint32(1, enabled.of().number());
        out.close();
      }
      case Threshold.Seen seen -> {
        out.open(5);
        seen.of().ifPresent(kind -> out.uint32(1, kind.number()));
        seen.element().ifPresent(element -> out.alwaysBytes(2, element));
        out.close();
      }
      case Threshold.Unseen unseen -> {
        out.open(6);
        CausalCodec.writeContext(out, 1, unseen.seen());
        out.uint32(2, unseen.limit());
        out.uint32(3, unseen.bytesMax());
        out.close();
      }
    }
  }

  private static void writeBound(WireWriter out, int field, Kind of, long bound) {
    out.open(field);
    out.uint32(1, of.number());
    out.sint64(2, bound);
    out.close();
  }

  static Threshold read(WireReader in) throws WireException {
    @Nullable Threshold threshold = null;
    int unknown = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> {
          Bound bound = in.message(Bound::read);
          threshold = new Threshold.AtLeast(bound.of, bound.value);
        }
        case 2 -> {
          Bound bound = in.message(Bound::read);
          threshold = new Threshold.AtMost(bound.of, bound.value);
        }
        case 3 -> threshold = in.message(ThresholdCodec::readContains);
        case 4 -> threshold = in.message(ThresholdCodec::readEnabled);
        case 5 -> threshold = in.message(ThresholdCodec::readSeen);
        case 6 -> threshold = in.message(ThresholdCodec::readUnseen);
        default -> {
          unknown = field;
          in.skip();
        }
      }
    }
    if (threshold == null) {
      throw WireReader.bad(
          unknown == 0 ? "a wait for nothing" : "unknown threshold number " + unknown);
    }
    return threshold;
  }

  private record Bound(Kind of, long value) {
    static Bound read(WireReader in) throws WireException {
      @Nullable Kind kind = null;
      long value = 0;
      for (int field = in.next(); field != 0; field = in.next()) {
        switch (field) {
          case 1 -> kind = in.kind().orElse(null);
          case 2 -> value = in.sint64();
          default -> in.skip();
        }
      }
      return new Bound(RequestCodec.requireKind(kind), value);
    }
  }

  private static Threshold readContains(WireReader in) throws WireException {
    @Nullable Kind kind = null;
    List<Payload> elements = new ArrayList<>();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> kind = in.kind().orElse(null);
        case 2 -> RequestCodec.readElement(in, elements);
        default -> in.skip();
      }
    }
    return new Threshold.Contains(RequestCodec.requireKind(kind), elements);
  }

  private static Threshold readEnabled(WireReader in) throws WireException {
    @Nullable Kind kind = null;
    while (in.seek(1)) {
      kind = in.kind().orElse(null);
    }
    return new Threshold.Enabled(RequestCodec.requireKind(kind));
  }

  private static Threshold readSeen(WireReader in) throws WireException {
    Optional<Kind> kind = Optional.empty();
    Optional<Payload> element = Optional.empty();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> kind = in.kind();
        case 2 -> element = Optional.of(in.value());
        default -> in.skip();
      }
    }
    return new Threshold.Seen(kind, element);
  }

  private static Threshold readUnseen(WireReader in) throws WireException {
    CausalContext seen = CausalContext.EMPTY;
    int limit = 0;
    int bytesMax = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> seen = in.message(CausalCodec::readContext);
        case 2 -> limit = in.uint32();
        case 3 -> bytesMax = in.uint32();
        default -> in.skip();
      }
    }
    return new Threshold.Unseen(seen, limit, bytesMax);
  }
}
