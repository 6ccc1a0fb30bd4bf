package dev.trellis.routing.gateway;

import dev.trellis.causal.CausalContext;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Read;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.function.Function;

/// Reads what part of a value is wanted from the arguments of a read.
final class Reads {
  private static final List<Kind> SETS = List.of(Kind.ORSET, Kind.GSET, Kind.OSET);
  private static final List<Kind> HOLDING =
      List.of(Kind.ORSET, Kind.SORTEDSET, Kind.GSET, Kind.OSET);
  private static final List<Kind> SIZED =
      List.of(Kind.ORSET, Kind.SORTEDSET, Kind.MAP, Kind.LOG, Kind.GSET, Kind.OSET);

  private Reads() {}

  /// The reads that the arguments may mean, likelier ones first: more than one where a part is
  /// asked for and the kind is not told. At most one of them fits the kind of a value.
  ///
  /// @throws Refusal if the arguments do not make sense together
  static List<Read> read(Arguments arguments) {
    List<Payload> path = arguments.payloads("field");
    if (path.size() > Limits.DEPTH_MAX) {
      throw arguments.refusal(
          "the field is deeper than maps may nest, which is " + Limits.DEPTH_MAX);
    }
    List<Read> wrapped = new ArrayList<>();
    for (Read part : part(arguments)) {
      Read read = part;
      for (Payload field : path.reversed()) {
        read = new Read.Field(field, read);
      }
      wrapped.add(read);
    }
    return wrapped;
  }

  private static List<Read> part(Arguments arguments) {
    Optional<Kind> kind = arguments.word("kind", Kind::ofWord);
    boolean contains = arguments.has("contains");
    boolean size = arguments.truth("size");
    boolean top = arguments.has("top");
    boolean since = arguments.has("since");
    boolean scores = arguments.has("min") || arguments.has("max");
    boolean range = arguments.has("from") || arguments.has("to");
    List<String> parts = new ArrayList<>();
    add(parts, contains, "contains");
    add(parts, size, "size");
    add(parts, top, "top");
    add(parts, since, "since");
    add(parts, scores, "min and max");
    add(parts, range, "from and to");
    if (parts.size() > 1) {
      throw arguments.refusal(String.join(", ", parts) + " exclude each other; ask for one part");
    }
    boolean bounded = arguments.has("limit") || arguments.has("order");
    if (bounded && (contains || size || top)) {
      throw arguments.refusal("'limit' and 'order' do not go with " + parts.get(0));
    }
    if (since && arguments.has("order")) {
      throw arguments.refusal("'order' does not go with since: records come oldest first");
    }
    int limit = arguments.count("limit", Integer.MAX_VALUE).orElse(Integer.MAX_VALUE);
    if (contains) {
      List<Payload> elements = arguments.payloads("contains");
      return ofKinds(arguments, kind, HOLDING, "contains", of -> new Read.Contains(of, elements));
    }
    if (size) {
      return ofKinds(arguments, kind, SIZED, "size", Read.Size::new);
    }
    if (top) {
      OptionalInt n = arguments.count("top", Integer.MAX_VALUE);
      return ofKinds(
          arguments, kind, List.of(Kind.SORTEDSET), "top", of -> Read.Scores.top(n.orElseThrow()));
    }
    if (since) {
      CausalContext seen = arguments.context("since").orElse(CausalContext.EMPTY);
      return ofKinds(
          arguments, kind, List.of(Kind.LOG), "since", of -> new Read.Since(seen, limit));
    }
    if (scores) {
      return ofKinds(
          arguments, kind, List.of(Kind.SORTEDSET), "min and max", of -> scores(arguments, limit));
    }
    if (range) {
      return ofKinds(arguments, kind, SETS, "from and to", of -> range(arguments, of, limit));
    }
    return bounded ? page(arguments, kind, limit) : List.of(new Read.Get(kind));
  }

  /// `limit` and `order` alone: the beginning or end of whatever has an order.
  private static List<Read> page(Arguments arguments, Optional<Kind> kind, int limit) {
    List<Kind> ordered = new ArrayList<>(HOLDING);
    if (!arguments.has("order")) {
      ordered.add(Kind.LOG);
    }
    return ofKinds(
        arguments,
        kind,
        ordered,
        "limit and order",
        of ->
            switch (of) {
              case SORTEDSET -> scores(arguments, limit);
              case LOG -> new Read.Since(CausalContext.EMPTY, limit);
              default -> range(arguments, of, limit);
            });
  }

  private static Read scores(Arguments arguments, int limit) {
    OptionalDouble min = arguments.real("min");
    OptionalDouble max = arguments.real("max");
    return new Read.Scores(
        min.orElse(Double.NEGATIVE_INFINITY),
        max.orElse(Double.POSITIVE_INFINITY),
        limit,
        isDescending(arguments));
  }

  private static Read range(Arguments arguments, Kind of, int limit) {
    return new Read.Range(
        of, arguments.payload("from"), arguments.payload("to"), limit, isDescending(arguments));
  }

  private static boolean isDescending(Arguments arguments) {
    String order = arguments.text("order").orElse("asc");
    return switch (order) {
      case "asc" -> false;
      case "desc" -> true;
      default -> throw arguments.refusal("'order' must be asc or desc, but is " + order);
    };
  }

  private static List<Read> ofKinds(
      Arguments arguments,
      Optional<Kind> kind,
      List<Kind> possible,
      String part,
      Function<Kind, Read> read) {
    if (kind.isEmpty()) {
      return possible.stream().map(read).toList();
    }
    if (!possible.contains(kind.get())) {
      throw arguments.refusal(
          part
              + " cannot be asked of a "
              + kind.get().word()
              + ", only of "
              + String.join(", ", possible.stream().map(Kind::word).toList()));
    }
    return List.of(read.apply(kind.get()));
  }

  private static void add(List<String> parts, boolean given, String name) {
    if (given) {
      parts.add(name);
    }
  }
}
