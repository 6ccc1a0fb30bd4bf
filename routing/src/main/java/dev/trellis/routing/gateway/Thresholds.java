package dev.trellis.routing.gateway;

import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Threshold;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Reads from the arguments of a request what is waited for.
final class Thresholds {
  private Thresholds() {}

  /// Whether the kind can have it, the store says.
  ///
  /// @throws Refusal if it is not exactly one threshold
  static Threshold read(Arguments arguments) {
    Optional<Kind> kind = arguments.word("kind", Kind::ofWord);
    List<String> named = new ArrayList<>();
    for (String name : List.of("atLeast", "atMost", "contains", "enabled", "seen")) {
      if (arguments.has(name)) {
        named.add(name);
      }
    }
    if (named.size() != 1) {
      throw arguments.refusal(
          (named.isEmpty() ? "nothing" : String.join(" and ", named))
              + " is waited for; name exactly one of atLeast, atMost, contains, enabled, seen");
    }
    return read(arguments, named.get(0), kind);
  }

  private static Threshold read(Arguments arguments, String name, Optional<Kind> kind) {
    return switch (name) {
      case "atLeast" ->
          new Threshold.AtLeast(
              kind.orElseThrow(() -> kindMissing(arguments, name, "max or counter")),
              arguments.whole(name).orElseThrow());
      case "atMost" ->
          new Threshold.AtMost(kind.orElse(Kind.MIN), arguments.whole(name).orElseThrow());
      case "contains" ->
          contains(
              arguments,
              kind.orElseThrow(() -> kindMissing(arguments, name, "gset or oset")),
              arguments.payloads(name));
      case "enabled" -> {
        requireTrue(arguments, name);
        yield new Threshold.Enabled(kind.orElse(Kind.FLAG));
      }
      default -> {
        requireTrue(arguments, name);
        yield new Threshold.Seen(kind, arguments.payload("element"));
      }
    };
  }

  private static Threshold contains(Arguments arguments, Kind kind, List<Payload> elements) {
    try {
      return new Threshold.Contains(kind, elements);
    } catch (IllegalArgumentException e) {
      throw arguments.refusal(String.valueOf(e.getMessage()));
    }
  }

  private static void requireTrue(Arguments arguments, String name) {
    if (!arguments.truth(name)) {
      throw arguments.refusal("'" + name + "' must be true: nobody can wait for what is not there");
    }
  }

  private static Refusal kindMissing(Arguments arguments, String name, String kinds) {
    return arguments.refusal("'" + name + "' needs 'kind', which is " + kinds);
  }
}
