package dev.trellis.routing.gateway;

import dev.trellis.lattice.Payload;
import io.netty.handler.codec.http.HttpMethod;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// What a method on a path means.
@SuppressWarnings("ImmutableEnumChecker") // Netty's methods and what List.of makes never change
enum Route {
  INDEX(HttpMethod.GET, Body.NONE),
  OPENAPI(HttpMethod.GET, Body.NONE, "openapi.yaml"),
  CLUSTER(HttpMethod.GET, Body.NONE, "v1", "cluster"),
  SCAN(HttpMethod.GET, Body.NONE, "v1", "keys"),
  BATCH(HttpMethod.POST, Body.DOCUMENT, "v1", "batch"),
  COMMIT(HttpMethod.POST, Body.NONE, "v1", "commit"),
  ABORT(HttpMethod.POST, Body.NONE, "v1", "abort"),
  GET(HttpMethod.GET, Body.NONE, "v1", "keys", Route.KEY),
  PUT(HttpMethod.PUT, Body.VALUE, "v1", "keys", Route.KEY),
  DELETE(HttpMethod.DELETE, Body.NONE, "v1", "keys", Route.KEY),
  WATCH(HttpMethod.GET, Body.NONE, "v1", "keys", Route.KEY, "watch"),
  AWAIT(HttpMethod.GET, Body.NONE, "v1", "keys", Route.KEY, "await"),
  OPERATION(HttpMethod.POST, Body.DOCUMENT, "v1", "keys", Route.KEY, Route.NAME);

  /// What the body of a request is.
  enum Body {
    /// There must be none.
    NONE,
    /// A value, byte by byte.
    VALUE,
    /// A JSON document.
    DOCUMENT
  }

  private static final String KEY = "{key}";
  private static final String NAME = "{operation}";

  private final HttpMethod method;
  private final Body body;
  private final List<String> pattern;

  Route(HttpMethod method, Body body, String... pattern) {
    this.method = method;
    this.body = body;
    this.pattern = List.of(pattern);
  }

  /// What a request line leads to.
  ///
  /// @param key where the path has one, 1 byte or more
  /// @param operation where the path has one
  record Match(Route route, Optional<Payload> key, Optional<MutationName> operation) {}

  Body body() {
    return body;
  }

  /// Whether a path may be asked for by those who are not known.
  static boolean isOpenToAll(RequestTarget target) {
    return OPENAPI.matches(target.segments());
  }

  /// Whether it can be part of a session. What can't refuses one, since it would not hold there.
  boolean takesSession() {
    return this == GET
        || this == PUT
        || this == DELETE
        || this == AWAIT
        || this == OPERATION
        || endsTransaction();
  }

  /// Whether it decides on what a session has waiting.
  boolean endsTransaction() {
    return this == COMMIT || this == ABORT;
  }

  /// The name in metrics.
  String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /// Finds where a request goes.
  ///
  /// @throws Refusal if nothing has this path, or the path does not take the method
  static Match find(HttpMethod method, RequestTarget target) {
    List<String> segments = target.segments();
    List<String> allowed = new ArrayList<>();
    for (Route route : values()) {
      if (!route.matches(segments)) {
        continue;
      }
      List<HttpMethod> methods = route.methods();
      if (methods.contains(method)) {
        return new Match(route, key(segments), operation(route, segments));
      }
      methods.forEach(taken -> allowed.add(taken.name()));
    }
    if (allowed.isEmpty()) {
      throw unknown(segments);
    }
    String allow = String.join(", ", allowed);
    throw new Refusal(
        Problem.methodNotAllowed(method + " is not for this path, which takes " + allow, allow));
  }

  /// What can be read can be asked for its header too, but for what is waited for.
  private List<HttpMethod> methods() {
    return method.equals(HttpMethod.GET) && this != WATCH && this != AWAIT
        ? List.of(HttpMethod.GET, HttpMethod.HEAD)
        : List.of(method);
  }

  private boolean matches(List<String> segments) {
    if (segments.size() != pattern.size()) {
      return false;
    }
    for (int at = 0; at < pattern.size(); at++) {
      String wanted = pattern.get(at);
      boolean fits =
          switch (wanted) {
            case KEY -> true;
            case NAME -> isOperation(segments.get(at));
            default -> wanted.equals(segments.get(at));
          };
      if (!fits) {
        return false;
      }
    }
    return true;
  }

  /// Deleting is what the method DELETE does; under POST there is no second way.
  private static boolean isOperation(String word) {
    return Arrays.stream(MutationName.values())
        .anyMatch(name -> name != MutationName.DELETE && name.word().equals(word));
  }

  private static Optional<Payload> key(List<String> segments) {
    if (segments.size() < 3) {
      return Optional.empty();
    }
    if (segments.get(2).isEmpty()) {
      throw Refusal.badRequest(
          "the key is empty; it must have 1 byte or more. To list keys, leave out the last slash");
    }
    return Optional.of(Payload.ofText(segments.get(2)));
  }

  private static Optional<MutationName> operation(Route route, List<String> segments) {
    return route == OPERATION
        ? Optional.of(MutationName.ofWord(segments.get(3)))
        : Optional.empty();
  }

  private static Refusal unknown(List<String> segments) {
    boolean underKeys =
        segments.size() > 3 && segments.get(0).equals("v1") && segments.get(1).equals("keys");
    if (underKeys) {
      return new Refusal(
          ProblemType.PATH_UNKNOWN,
          "there is no '"
              + String.join("/", segments.subList(3, segments.size()))
              + "' under a key; there are watch, await and the operations "
              + Arrays.stream(MutationName.values())
                  .filter(name -> name != MutationName.DELETE)
                  .map(MutationName::word)
                  .toList()
              + ". A slash within a key is written %2F");
    }
    return new Refusal(
        ProblemType.PATH_UNKNOWN,
        "nothing is at this path; there are /v1/keys, /v1/keys/{key}, /v1/keys/{key}/watch,"
            + " /v1/keys/{key}/await, /v1/keys/{key}/{operation}, /v1/batch, /v1/commit, /v1/abort,"
            + " /v1/cluster and /openapi.yaml");
  }
}
