package dev.trellis.routing.gateway;

import dev.trellis.causal.CausalContext;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Collectors;

/// Reads a mutation from its name and arguments.
final class Mutations {
  private static final String NEVER = "never";

  private Mutations() {}

  /// @throws Refusal if the arguments do not make sense for the operation
  static Mutation read(MutationName name, Arguments arguments) {
    return read(name, arguments, 1);
  }

  private static Mutation read(MutationName name, Arguments arguments, int depth) {
    return switch (name) {
      case PUT -> put(arguments);
      case RAISE -> {
        requireKind(arguments, name, Kind.MAX);
        yield new Mutation.Raise(whole(arguments, "to"));
      }
      case LOWER -> {
        requireKind(arguments, name, Kind.MIN);
        yield new Mutation.Lower(whole(arguments, "to"));
      }
      case ENABLE -> {
        requireKind(arguments, name, Kind.FLAG);
        yield new Mutation.Enable();
      }
      case ADD -> add(arguments);
      case REMOVE -> remove(arguments);
      case APPEND -> {
        requireKind(arguments, name, Kind.LOG);
        yield new Mutation.Append(some(arguments, "records"));
      }
      case TRIM -> {
        requireKind(arguments, name, Kind.LOG);
        yield new Mutation.Trim(
            arguments.context("context").orElseThrow(() -> arguments.missing("context")));
      }
      case EXPIRE -> new Mutation.Expire(expiry(arguments));
      case UPDATE_FIELD -> {
        List<Payload> path = path(arguments, depth);
        yield inFields(path, update(arguments, depth + path.size()));
      }
      case REMOVE_FIELD -> inFields(path(arguments, depth), new Mutation.Delete());
      case DELETE -> new Mutation.Delete();
    };
  }

  /// The put of a value that came as bytes, or as the argument `value`.
  static Mutation put(Arguments arguments, Payload value, Optional<CausalContext> context) {
    Kind kind = arguments.word("kind", Kind::ofWord).orElse(Kind.LWW);
    if (context.isPresent() && kind != Kind.CAUSAL && kind != Kind.MULTICAUSAL) {
      throw arguments.refusal(
          "a context belongs to a put of kind causal or multicausal, not of " + kind.word());
    }
    return switch (kind) {
      case LWW -> new Mutation.Put(value);
      case CAUSAL -> new Mutation.PutCausal(value, context.orElse(CausalContext.EMPTY));
      case MULTICAUSAL ->
          new Mutation.PutMultiCausal(
              value, context.orElse(CausalContext.EMPTY), dependencies(arguments));
      case PRIORITY ->
          new Mutation.PutPriority(
              arguments.real("priority").orElseThrow(() -> arguments.missing("priority")), value);
      case MAX, MIN, FLAG, COUNTER, GSET, ORSET, OSET, SORTEDSET, MAP, LOG ->
          throw arguments.refusal(
              "a "
                  + kind.word()
                  + " is not put; it has the operation "
                  + operationsOf(kind)
                  + ". Kinds that are put: lww, causal, multicausal, priority");
    };
  }

  /// Whether a ttl of the request says something about what the mutation writes.
  static boolean takesTtl(Mutation mutation) {
    return switch (mutation) {
      case Mutation.UpdateField update -> takesTtl(update.mutation());
      case Mutation.Expire _, Mutation.Delete _ -> false;
      default -> true;
    };
  }

  private static Mutation put(Arguments arguments) {
    Payload value = arguments.payload("value").orElseThrow(() -> arguments.missing("value"));
    return put(arguments, value, arguments.context("context"));
  }

  private static Map<Payload, CausalContext> dependencies(Arguments arguments) {
    Map<Payload, CausalContext> dependencies = new HashMap<>();
    for (Arguments dependency : arguments.list("dependencies")) {
      Payload key = dependency.payload("key").orElseThrow(() -> dependency.missing("key"));
      CausalContext version =
          dependency.context("context").orElseThrow(() -> dependency.missing("context"));
      dependency.requireAllUsed("a dependency");
      dependencies.merge(key, version, CausalContext::merge);
    }
    return dependencies;
  }

  private static Mutation add(Arguments arguments) {
    boolean by = arguments.has("by");
    boolean elements = arguments.has("elements");
    boolean members = arguments.has("members");
    if ((by ? 1 : 0) + (elements ? 1 : 0) + (members ? 1 : 0) != 1) {
      throw arguments.refusal(
          "add takes one of 'by' (a counter), 'elements' (a gset, oset or orset) and 'members' (a"
              + " sortedset)");
    }
    Kind inferred = by ? Kind.COUNTER : members ? Kind.SORTEDSET : Kind.ORSET;
    Kind kind = arguments.word("kind", Kind::ofWord).orElse(inferred);
    boolean fits =
        elements ? kind == Kind.GSET || kind == Kind.OSET || kind == Kind.ORSET : kind == inferred;
    if (!fits) {
      throw arguments.refusal(
          "add with '"
              + (by ? "by" : members ? "members" : "elements")
              + "' is for "
              + (by ? "counter" : members ? "sortedset" : "gset, oset and orset")
              + ", not for "
              + kind.word());
    }
    return switch (kind) {
      case COUNTER -> new Mutation.Increment(whole(arguments, "by"));
      case SORTEDSET -> {
        List<Mutation.ScoredMember> scored = arguments.members("members");
        requireSome(arguments, "members", scored);
        yield new Mutation.AddScored(scored);
      }
      default -> new Mutation.Add(kind, some(arguments, "elements"));
    };
  }

  private static Mutation remove(Arguments arguments) {
    boolean members = arguments.has("members");
    if (members == arguments.has("elements")) {
      throw arguments.refusal(
          "remove takes either 'elements' (an orset) or 'members' (a sortedset)");
    }
    requireKind(arguments, MutationName.REMOVE, members ? Kind.SORTEDSET : Kind.ORSET);
    return members
        ? new Mutation.RemoveMembers(some(arguments, "members"))
        : new Mutation.Remove(some(arguments, "elements"));
  }

  private static OptionalLong expiry(Arguments arguments) {
    String ttl = arguments.text("ttl").orElseThrow(() -> arguments.missing("ttl"));
    return ttl.equals(NEVER)
        ? OptionalLong.empty()
        : OptionalLong.of(
            Durations.parse("ttl", ttl, Duration.ofMillis(Limits.TTL_MILLIS_MAX)).toMillis());
  }

  /// `update` is an operation's name, whose arguments then stand beside it, or an object that holds
  /// both.
  private static Mutation update(Arguments arguments, int depth) {
    if (!arguments.isObject("update")) {
      MutationName name =
          arguments
              .word("update", MutationName::ofWord)
              .orElseThrow(() -> arguments.missing("update"));
      if (name == MutationName.UPDATE_FIELD || name == MutationName.REMOVE_FIELD) {
        throw arguments.refusal(
            "update '"
                + name.word()
                + "' needs no nesting: give the path to the inner field, outermost first, as"
                + " 'field'");
      }
      return read(name, arguments, depth);
    }
    Arguments nested = arguments.nested("update");
    MutationName name =
        nested
            .word("operation", MutationName::ofWord)
            .orElseThrow(() -> nested.missing("operation"));
    Mutation mutation = read(name, nested, depth);
    nested.requireAllUsed("operation " + name.word());
    return mutation;
  }

  private static List<Payload> path(Arguments arguments, int depth) {
    List<Payload> path = some(arguments, "field");
    if (depth + path.size() - 1 > Limits.DEPTH_MAX) {
      throw arguments.refusal(
          "the field is deeper than maps may nest, which is " + Limits.DEPTH_MAX);
    }
    return path;
  }

  private static Mutation inFields(List<Payload> path, Mutation innermost) {
    Mutation mutation = innermost;
    for (Payload field : path.reversed()) {
      mutation = new Mutation.UpdateField(field, mutation);
    }
    return mutation;
  }

  private static List<Payload> some(Arguments arguments, String name) {
    List<Payload> payloads = arguments.payloads(name);
    requireSome(arguments, name, payloads);
    return payloads;
  }

  private static void requireSome(Arguments arguments, String name, List<?> list) {
    if (list.isEmpty()) {
      throw arguments.refusal("'" + name + "' is missing or empty; give at least one");
    }
  }

  private static long whole(Arguments arguments, String name) {
    return arguments.whole(name).orElseThrow(() -> arguments.missing(name));
  }

  private static void requireKind(Arguments arguments, MutationName name, Kind right) {
    Kind kind = arguments.word("kind", Kind::ofWord).orElse(right);
    if (kind != right) {
      throw arguments.refusal(
          "a "
              + kind.word()
              + " has no such operation "
              + name.word()
              + "; it has "
              + operationsOf(kind));
    }
  }

  /// What a kind can do beside what every key can, for messages.
  private static String operationsOf(Kind kind) {
    List<MutationName> names =
        switch (kind) {
          case LWW, CAUSAL, MULTICAUSAL, PRIORITY -> List.of(MutationName.PUT);
          case MAX -> List.of(MutationName.RAISE);
          case MIN -> List.of(MutationName.LOWER);
          case FLAG -> List.of(MutationName.ENABLE);
          case COUNTER, GSET, OSET -> List.of(MutationName.ADD);
          case ORSET, SORTEDSET -> List.of(MutationName.ADD, MutationName.REMOVE);
          case MAP -> List.of(MutationName.UPDATE_FIELD, MutationName.REMOVE_FIELD);
          case LOG -> List.of(MutationName.APPEND, MutationName.TRIM);
        };
    return names.stream().map(MutationName::word).collect(Collectors.joining(" and "));
  }
}
