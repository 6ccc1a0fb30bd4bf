package dev.trellis.monitor.console;

import dev.trellis.access.AccessList.Authentication;
import dev.trellis.access.AccessList.Authentication.Known;
import dev.trellis.access.Caller;
import dev.trellis.access.Role;
import dev.trellis.lattice.Payload;
import dev.trellis.process.Doorkeeper;
import dev.trellis.process.Protection;
import dev.trellis.process.Visitor;
import dev.trellis.process.http.BearerToken;
import dev.trellis.process.http.HttpExchange;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/// Lets people in, where security is on: a page that asks for an API key, and what it gives for
/// one, a cookie with a random id. Programs show their key with each request instead. For any
/// thread.
///
/// What changes something (so far: that somebody is logged in) is taken only from pages of the
/// console: by what the browser says of where a request comes from, and by a token that no other
/// page knows. The cookie is not sent along from elsewhere either.
final class Reception {
  /// The key on which READ is the right to see the console. Nothing is kept there.
  static final Payload MONITOR = Payload.ofText("_trellis/monitor");

  /// Names of cookies that start so are taken by browsers only from this host, over TLS.
  static final String SESSION = "__Host-trellis-console";

  static final String LOGIN = "__Host-trellis-login";

  private static final String ATTRIBUTES = "; Path=/; Secure; HttpOnly; SameSite=Strict";
  private static final String HTML = "text/html; charset=utf-8";
  private static final String LACKS =
      "may not see the console: that takes read on _trellis/monitor";
  private static final String UNKNOWN =
      "This API key is not known here, was revoked, or has expired.";

  /// Somebody who may see the console.
  ///
  /// @param login if he is a person with a browser
  /// @param isWelcome whether he still is, as long as he listens
  record Guest(Caller caller, Optional<Logins.Login> login, BooleanSupplier isWelcome) {}

  /// Who asks for something that not everybody may see.
  sealed interface Arrival {
    /// He may see the console.
    record Welcome(Guest guest) implements Arrival {}

    /// He may not.
    ///
    /// @param principal empty if it is not known who he is
    /// @param reason why not, for the audit log
    /// @param isEarly whether he may come again: nobody is known yet
    record Stranger(String principal, String reason, boolean isEarly) implements Arrival {}
  }

  private final Protection protection;
  private final InstantSource clock;
  private final String page; // with places for the token and what is to be said
  private final Logins logins = new Logins();
  private final LoginLimit limit = new LoginLimit();

  /// @param page of the login
  Reception(Protection protection, InstantSource clock, String page) {
    this.protection = protection;
    this.clock = clock;
    this.page = page;
  }

  /// Who asks.
  Arrival arrival(HttpExchange exchange) {
    Optional<String> token = BearerToken.of(exchange.headers("Authorization"));
    if (token.isPresent()) {
      Doorkeeper.Visit visit = visit(token.get());
      return switch (visit.authentication()) {
        case Authentication.Unknown(String reason) ->
            new Arrival.Stranger("", reason, visit.isEarly());
        case Known(Caller caller, long _) ->
            guest(visit.proof().orElseThrow(), Optional.empty())
                .<Arrival>map(Arrival.Welcome::new)
                .orElseGet(() -> new Arrival.Stranger(caller.principal(), LACKS, false));
      };
    }
    return cookie(exchange, SESSION)
        .flatMap(id -> logins.use(id, clock.millis()))
        .flatMap(login -> guest(login.proof(), Optional.of(login)))
        .<Arrival>map(Arrival.Welcome::new)
        .orElseGet(
            () -> new Arrival.Stranger("", "there is neither an API key nor a login", false));
  }

  private Optional<Guest> guest(Doorkeeper.Proof proof, Optional<Logins.Login> login) {
    return caller(proof)
        .map(
            caller ->
                new Guest(
                    caller,
                    login,
                    () ->
                        caller(proof).isPresent()
                            && login.map(it -> logins.goesOn(it, clock.millis())).orElse(true)));
  }

  /// Who it is that was known by this, if he may see the console.
  private Optional<Caller> caller(Doorkeeper.Proof proof) {
    return protection.doorkeeper().authenticate(proof, clock.millis())
                instanceof Known(Caller caller, long _)
            && mayLook(caller)
        ? Optional.of(caller)
        : Optional.empty();
  }

  private static boolean mayLook(Caller caller) {
    return caller.rights().allow(Role.READ, MONITOR);
  }

  private Doorkeeper.Visit visit(String key) {
    return protection.doorkeeper().visit(Payload.ofText(key), Optional.empty(), clock.millis());
  }

  /// Shows the page that asks for a key.
  void showLogin(HttpExchange exchange) {
    showLogin(exchange, 200, "");
  }

  private void showLogin(HttpExchange exchange, int status, String said) {
    String token = logins.secret();
    exchange.set("Set-Cookie", LOGIN + "=" + token + ATTRIBUTES);
    exchange.respond(status, HTML, page.replace("{{token}}", token).replace("{{said}}", said));
  }

  /// Takes what was typed into that page.
  void login(HttpExchange exchange) {
    long wait = limit.waitMillis(exchange.remote().getAddress(), clock.millis());
    if (wait > 0) {
      long seconds = (wait + 999) / 1_000;
      exchange.set("Retry-After", Long.toString(seconds));
      showLogin(exchange, 429, "Too many keys were tried. Try again in " + seconds + " seconds.");
      return;
    }
    Optional<String> token = formField(exchange, "token");
    if (!isFromHere(exchange)
        || token.isEmpty()
        || token.get().isEmpty() // as a cookie without a value is
        || !cookie(exchange, LOGIN).map(it -> Logins.same(it, token.get())).orElse(false)) {
      refused(exchange, "", "the request comes from another page");
      showLogin(exchange, 403, "That page was no more the newest. Try again.");
      return;
    }
    Doorkeeper.Visit visit = visit(formField(exchange, "key").orElse("").strip());
    switch (visit.authentication()) {
      case Authentication.Unknown unknown -> {
        if (visit.isEarly()) {
          exchange.set("Retry-After", "1");
          showLogin(
              exchange, 503, "Who is known has not been heard from the cluster yet. Try again.");
        } else {
          refused(exchange, "", unknown.reason());
          limit.failed(exchange.remote().getAddress(), clock.millis());
          showLogin(exchange, 401, UNKNOWN);
        }
      }
      case Known(Caller caller, long _) when !mayLook(caller) -> {
        refused(exchange, caller.principal(), LACKS);
        showLogin(exchange, 403, caller.principal() + " " + LACKS + ".");
      }
      case Known(Caller caller, long _) -> {
        String id = logins.begin(visit.proof().orElseThrow(), clock.millis());
        protection
            .audit()
            .administered(
                caller.principal(),
                "log in",
                "console",
                Visitor.address(exchange.remote()),
                "done");
        exchange.set("Set-Cookie", SESSION + "=" + id + ATTRIBUTES);
        goTo(exchange, "/");
      }
    }
  }

  /// Ends a login.
  void logout(HttpExchange exchange, Guest guest) {
    Optional<String> token = formField(exchange, "token");
    boolean isMeant =
        isFromHere(exchange)
            && guest
                .login()
                .flatMap(login -> token.map(it -> Logins.same(it, login.token())))
                .orElse(false);
    if (!isMeant) {
      refused(exchange, guest.caller().principal(), "the request comes from another page");
      exchange.respond(
          403,
          "application/problem+json",
          ConsoleJson.problem(
              "not-from-here",
              "That came from another page",
              403,
              "send the token of /api/session, from a page of the console"));
      return;
    }
    cookie(exchange, SESSION).ifPresent(logins::end);
    exchange.set("Set-Cookie", SESSION + "=; Max-Age=0" + ATTRIBUTES);
    goTo(exchange, "/login");
  }

  /// Sends a browser elsewhere.
  static void goTo(HttpExchange exchange, String path) {
    exchange.set("Location", path);
    exchange.respond(303, "text/plain; charset=utf-8", "");
  }

  /// Whether a request to change something comes from a page of the console, by what browsers say
  /// and pages cannot: one of both headers must be there.
  private static boolean isFromHere(HttpExchange exchange) {
    List<String> site = exchange.headers("Sec-Fetch-Site");
    List<String> origin = exchange.headers("Origin");
    String own = "https://" + exchange.header("Host").orElse("");
    return !(site.isEmpty() && origin.isEmpty())
        && (site.isEmpty() || site.equals(List.of("same-origin")))
        && (origin.isEmpty() || origin.equals(List.of(own)));
  }

  private void refused(HttpExchange exchange, String principal, String reason) {
    refused(exchange, principal, "log in", exchange.path(), reason);
  }

  /// Writes down who did not get what he asked for.
  ///
  /// @param principal empty if it is not known who he is
  /// @param target what he asked for
  void refused(
      HttpExchange exchange, String principal, String action, String target, String reason) {
    protection
        .audit()
        .refused(principal, action, target, Visitor.address(exchange.remote()), reason);
  }

  /// The cookie of a name, if there is just one.
  private static Optional<String> cookie(HttpExchange exchange, String name) {
    List<String> values =
        exchange.headers("Cookie").stream()
            .flatMap(header -> Arrays.stream(header.split(";", -1)))
            .map(String::strip)
            .filter(pair -> pair.startsWith(name + "="))
            .map(pair -> pair.substring(name.length() + 1))
            .toList();
    return values.size() == 1 ? Optional.of(values.getFirst()) : Optional.empty();
  }

  /// A field of a form that a browser sends, if it is there once.
  private static Optional<String> formField(HttpExchange exchange, String name) {
    if (!exchange
        .header("Content-Type")
        .orElse("")
        .startsWith("application/x-www-form-urlencoded")) {
      return Optional.empty();
    }
    List<String> values =
        Arrays.stream(exchange.body().split("&", -1))
            .filter(pair -> pair.startsWith(name + "="))
            .map(pair -> pair.substring(name.length() + 1))
            .toList();
    try {
      return values.size() == 1
          ? Optional.of(URLDecoder.decode(values.getFirst(), StandardCharsets.UTF_8))
          : Optional.empty();
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }
}
