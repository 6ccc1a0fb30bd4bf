package dev.trellis.monitor.console;

import dev.trellis.access.Role;
import dev.trellis.client.TrellisException;
import dev.trellis.functions.mailbox.Mailboxes;
import dev.trellis.process.Protection;
import dev.trellis.process.StartupException;
import dev.trellis.process.http.BearerToken;
import dev.trellis.process.http.HttpConfig;
import dev.trellis.process.http.HttpExchange;
import dev.trellis.process.http.HttpServer;
import dev.trellis.wire.Limits;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The console of a monitor, over HTTP: a page at `/`, and what it is made of under `/api`. It only
/// shows; nothing can be changed by it. `docs/console.md` describes the page and the API.
///
/// Every period it asks its source for the state, adds that to its history and tells it to those
/// who listen. It reads no more of a request than the line and the headers.
public final class Console implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Console.class);
  private static final String JSON = "application/json";
  private static final String EVENTS = "text/event-stream";
  private static final String PROBLEM = "application/problem+json";

  /// What is charted unless somebody asks for more.
  private static final Duration SERIES_DEFAULT = Duration.ofMinutes(15);

  private static final int DECISIONS_DEFAULT = 50;
  private static final int DECISIONS_MAX = 200;
  private static final int MAILBOXES_DEFAULT = 50;
  private static final int MAILBOXES_MAX = 500;
  private static final int MESSAGES_DEFAULT = 20;
  private static final int MESSAGES_MAX = 100;

  /// Nothing is loaded from elsewhere, nothing inline is run, no text becomes markup, and no other
  /// page may frame this one.
  ///
  /// @param form where forms may go
  private static String contentPolicy(String form) {
    return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        + " base-uri 'none'; form-action "
        + form
        + "; frame-ancestors 'none';"
        + " require-trusted-types-for 'script'; trusted-types 'none'";
  }

  /// The files of the page, in the resources of this package, by path.
  private static final Map<String, Page> PAGES =
      Map.of(
          "/", Page.of("index.html", "text/html; charset=utf-8"),
          "/console.css", Page.of("console.css", "text/css; charset=utf-8"),
          "/console.js", Page.of("console.js", "text/javascript; charset=utf-8"),
          "/icon.svg", Page.of("icon.svg", "image/svg+xml"));

  /// What the page that asks for a key is made of, and so is for everybody.
  private static final Set<String> OPEN = Set.of("/console.css", "/icon.svg");

  private record Page(String type, String text) {
    static Page of(String file, String type) {
      try (InputStream in = Console.class.getResourceAsStream(file)) {
        if (in == null) {
          throw new IllegalStateException("the jar lacks the console's " + file);
        }
        return new Page(type, new String(in.readAllBytes(), StandardCharsets.UTF_8));
      } catch (IOException e) {
        throw new UncheckedIOException("cannot read the console's " + file, e);
      }
    }
  }

  /// What is wrong with a request.
  private static final class BadRequest extends Exception {
    private static final long serialVersionUID = 1L;

    BadRequest(String detail) {
      super(detail);
    }

    String detail() {
      return String.valueOf(getMessage());
    }
  }

  private final HttpServer server;
  private final ScheduledExecutorService ticker =
      Executors.newSingleThreadScheduledExecutor(Thread.ofVirtual().name("console").factory());
  private final ConsoleSource source;
  private final ConsoleHistory history;
  private final ConsoleConfig config;
  private final InstantSource clock;
  private final HostGuard guard;
  private final Listeners listeners;
  private final Optional<Reception> reception; // where security is on
  private final String contentPolicy;
  private boolean isSourceFailing; // used by the ticker

  private Console(
      InetSocketAddress address,
      ConsoleSource source,
      ConsoleHistory history,
      ConsoleConfig config,
      InstantSource clock,
      Optional<Protection> protection)
      throws IOException {
    this.source = source;
    this.history = history;
    this.config = config;
    this.clock = clock;
    List<String> names = new ArrayList<>(config.names());
    names.add(address.getHostString());
    guard = new HostGuard(names);
    listeners = new Listeners(config.listenersMax(), config.stall());
    reception =
        protection.map(by -> new Reception(by, clock, Page.of("login.html", "text/html").text()));
    contentPolicy = contentPolicy(reception.isPresent() ? "'self'" : "'none'");
    HttpConfig http = HttpConfig.of(address, "console");
    server =
        HttpServer.start(
            http.withConnectionsMax(http.connectionsMax() + config.listenersMax()),
            protection.map(by -> by.tls()::server),
            this::handle);
    protection.ifPresent(by -> by.doorkeeper().onChange(this::accessHasChanged));
  }

  /// Starts to listen, with an empty history and the clock of the machine.
  ///
  /// @param address where; port 0 takes a free one
  /// @throws StartupException if the port cannot be opened
  public static Console start(
      InetSocketAddress address, ConsoleSource source, ConsoleConfig config) {
    return start(address, source, new ConsoleHistory(), config, InstantSource.system());
  }

  /// Starts to listen.
  ///
  /// @param address where; port 0 takes a free one. By its host, too, the console may be asked for
  /// @param history to show and to add to
  /// @param clock the monitor's, by which states are told to be stale
  /// @throws StartupException if the port cannot be opened
  public static Console start(
      InetSocketAddress address,
      ConsoleSource source,
      ConsoleHistory history,
      ConsoleConfig config,
      InstantSource clock) {
    return start(address, source, history, config, clock, Optional.empty());
  }

  /// Starts to listen.
  ///
  /// @param address where; port 0 takes a free one. By its host, too, the console may be asked for
  /// @param history to show and to add to
  /// @param clock the monitor's, by which states are told to be stale
  /// @param protection there if security is on
  /// @throws StartupException if the port cannot be opened
  public static Console start(
      InetSocketAddress address,
      ConsoleSource source,
      ConsoleHistory history,
      ConsoleConfig config,
      InstantSource clock,
      Optional<Protection> protection) {
    Console console;
    try {
      console = new Console(address, source, history, config, clock, protection);
    } catch (IOException e) {
      throw StartupException.portUnavailable(
          address, "the console of the monitor", "console.port", e);
    }
    long periodMillis = config.period().toMillis();
    var _ =
        console.ticker.scheduleWithFixedDelay(
            console::tick, 0, periodMillis, TimeUnit.MILLISECONDS);
    return console;
  }

  /// The port listened on.
  public int port() {
    return server.port();
  }

  /// Stops listening, and ends exchanges under way, listeners included.
  @Override
  public void close() {
    ticker.shutdownNow();
    server.close();
  }

  /// Who listens, and may not any more, is not to hear of another event.
  private void accessHasChanged() {
    try {
      ticker.execute(listeners::dropUnwelcome);
    } catch (RejectedExecutionException e) {
      LOG.debug("the console is closed", e);
    }
  }

  private void tick() {
    try {
      listeners.dropStalled();
      Optional<ConsoleState> state = source.state();
      if (state.isPresent()) {
        if (state.get().atMillis() != history.newestMillis()) {
          history.add(state.get());
        }
        if (!listeners.isEmpty()) {
          listeners.tell(event(state.get()));
        }
      }
      listeners.dropUnwelcome();
      isSourceFailing = false;
    } catch (RuntimeException e) {
      // Listeners notice that nothing comes; the next period may do better.
      if (!isSourceFailing) {
        LOG.error("the state of the cluster cannot be told", e);
      }
      isSourceFailing = true;
    }
  }

  private String json(ConsoleState state) {
    return ConsoleJson.state(state, clock.millis(), config.period().toMillis());
  }

  private byte[] event(ConsoleState state) {
    return ("event: state\ndata: " + json(state) + "\n\n").getBytes(StandardCharsets.UTF_8);
  }

  private void handle(HttpExchange exchange) throws IOException {
    secure(exchange);
    try {
      check(exchange);
    } catch (BadRequest e) {
      refuse(exchange, 400, "bad-request", "The query cannot be understood", e.detail());
    } catch (TrellisException e) {
      exchange.set("Retry-After", "1");
      refuse(
          exchange, 503, "no-answer", "The store does not answer", String.valueOf(e.getMessage()));
    } catch (RuntimeException e) {
      LOG.error("{} failed", exchange.path(), e);
      if (!exchange.hasBegun()) {
        refuse(exchange, 500, "failed", "That failed", "the log of the monitor says why");
      }
    }
  }

  private void check(HttpExchange exchange) throws IOException, BadRequest {
    if (!guard.admits(exchange.headers("Host"), exchange.local())) {
      refuse(
          exchange,
          421,
          "host-refused",
          "The console does not go by this name",
          "ask for it by its address, or by a loopback name such as localhost; other names must"
              + " be configured, as console.names");
    } else if (reception.isPresent()) {
      receive(reception.get(), exchange);
    } else if (isRead(exchange)) {
      answer(exchange, Optional.empty());
    } else {
      refuseMethod(exchange, "GET, HEAD");
    }
  }

  /// Answers where security is on.
  private void receive(Reception by, HttpExchange exchange) throws IOException, BadRequest {
    String path = exchange.path();
    boolean isPost = exchange.method().equals("POST");
    if (path.equals("/login") && (isPost || isRead(exchange))) {
      if (isPost) {
        by.login(exchange);
      } else {
        by.showLogin(exchange);
      }
      return;
    }
    if (OPEN.contains(path) && isRead(exchange)) {
      answer(exchange, Optional.empty());
      return;
    }
    switch (by.arrival(exchange)) {
      case Reception.Arrival.Welcome(Reception.Guest guest) -> serve(by, exchange, guest, isPost);
      case Reception.Arrival.Stranger stranger -> turnAway(by, exchange, stranger);
    }
  }

  private static void turnAway(
      Reception by, HttpExchange exchange, Reception.Arrival.Stranger stranger) {
    if (stranger.isEarly()) {
      exchange.set("Retry-After", "1");
      refuse(exchange, 503, "not-yet", "Nobody is known yet", stranger.reason());
      return;
    }
    if (exchange.path().equals("/") && isRead(exchange)) {
      Reception.goTo(exchange, "/login");
      return;
    }
    by.refused(
        exchange, stranger.principal(), "see the console", exchange.path(), stranger.reason());
    exchange.set("WWW-Authenticate", BearerToken.CHALLENGE);
    refuse(
        exchange,
        401,
        "unauthenticated",
        "The console is not shown to everybody",
        "log in at /login, or send Authorization: Bearer with an API key that may read"
            + " _trellis/monitor");
  }

  private void serve(Reception by, HttpExchange exchange, Reception.Guest guest, boolean isPost)
      throws IOException, BadRequest {
    String path = exchange.path();
    if (path.equals("/logout") && isPost) {
      by.logout(exchange, guest);
    } else if (isRead(exchange) && !path.equals("/logout")) {
      answer(exchange, Optional.of(guest));
    } else {
      refuseMethod(exchange, path.equals("/logout") ? "POST" : "GET, HEAD");
    }
  }

  private static boolean isRead(HttpExchange exchange) {
    return exchange.method().equals("GET") || exchange.method().equals("HEAD");
  }

  private static void refuseMethod(HttpExchange exchange, String allowed) {
    exchange.set("Allow", allowed);
    refuse(exchange, 405, "method-not-allowed", "The console only shows", "it answers " + allowed);
  }

  private void secure(HttpExchange exchange) {
    exchange.set("Content-Security-Policy", contentPolicy);
    exchange.set("Cache-Control", "no-store");
    exchange.set("X-Content-Type-Options", "nosniff");
    // Without any referrer, browsers do not say either where a form comes from.
    exchange.set("Referrer-Policy", reception.isPresent() ? "same-origin" : "no-referrer");
    exchange.set("Cross-Origin-Resource-Policy", "same-origin");
    exchange.set("Cross-Origin-Opener-Policy", "same-origin");
  }

  private void answer(HttpExchange exchange, Optional<Reception.Guest> guest)
      throws IOException, BadRequest {
    String path = exchange.path();
    switch (path) {
      case "/api/state" -> {
        parameters(exchange);
        Optional<ConsoleState> state = source.state();
        if (state.isEmpty()) {
          refuseAsNothingIsKnown(exchange);
        } else {
          respond(exchange, 200, JSON, json(state.get()));
        }
      }
      case "/api/events" -> {
        parameters(exchange);
        listen(exchange, guest.map(Reception.Guest::isWelcome).orElse(() -> true));
      }
      case "/api/session" -> {
        parameters(exchange);
        respond(exchange, 200, JSON, ConsoleJson.session(guest));
      }
      case "/api/series" -> {
        Map<String, String> parameters = parameters(exchange, "from");
        long recent = Math.max(0, history.newestMillis() - SERIES_DEFAULT.toMillis());
        long from = number(parameters, "from", recent, 0, Long.MAX_VALUE);
        respond(exchange, 200, JSON, ConsoleJson.series(from, history.since(from)));
      }
      case "/api/decisions" -> {
        Map<String, String> parameters = parameters(exchange, "limit", "before");
        int limit = (int) number(parameters, "limit", DECISIONS_DEFAULT, 1, DECISIONS_MAX);
        long before = number(parameters, "before", Long.MAX_VALUE, 0, Long.MAX_VALUE);
        respond(exchange, 200, JSON, ConsoleJson.decisions(source.decisions(limit, before), limit));
      }
      case "/api/mailboxes" -> {
        Map<String, String> parameters = parameters(exchange, "limit");
        int limit = (int) number(parameters, "limit", MAILBOXES_DEFAULT, 1, MAILBOXES_MAX);
        respondIfKnown(
            exchange,
            source.mailboxes(limit, name -> mayRead(guest, name)).map(ConsoleJson::mailboxes));
      }
      case "/api/mailboxes/messages" -> {
        Map<String, String> parameters = parameters(exchange, "name", "limit");
        String name = parameters.getOrDefault("name", "");
        int limit = (int) number(parameters, "limit", MESSAGES_DEFAULT, 1, MESSAGES_MAX);
        if (name.isEmpty() || name.length() > Limits.DEFAULT.keyBytesMax()) {
          throw new BadRequest("the parameter name must be that of a mailbox");
        }
        if (mayRead(guest, name)) {
          respondIfKnown(
              exchange,
              source.messages(name, limit).map(messages -> ConsoleJson.messages(name, messages)));
        } else {
          String lacks = "to see what waits in it takes read on its name";
          String who = guest.map(it -> it.caller().principal()).orElse("");
          reception.ifPresent(by -> by.refused(exchange, who, "see a mailbox", name, lacks));
          refuse(exchange, 403, "forbidden", "This mailbox is not for everybody", lacks);
        }
      }
      default -> {
        Page page = PAGES.get(path);
        if (page == null) {
          refuse(
              exchange,
              404,
              "not-found",
              "There is nothing here",
              "the console has /, /api/state, /api/series, /api/decisions, /api/events,"
                  + " /api/mailboxes, /api/mailboxes/messages and /api/session");
        } else {
          respond(exchange, 200, page.type(), page.text());
        }
      }
    }
  }

  /// Whether who looks may see what waits in a mailbox.
  private static boolean mayRead(Optional<Reception.Guest> guest, String mailbox) {
    return guest
        .map(who -> who.caller().rights().allow(Role.READ, Mailboxes.key(mailbox)))
        .orElse(true);
  }

  private static void respondIfKnown(HttpExchange exchange, Optional<String> json) {
    if (json.isEmpty()) {
      refuseAsNothingIsKnown(exchange);
    } else {
      respond(exchange, 200, JSON, json.get());
    }
  }

  private void listen(HttpExchange exchange, BooleanSupplier isWelcome) throws IOException {
    Optional<ConsoleState> state = source.state();
    if (state.isEmpty()) {
      refuseAsNothingIsKnown(exchange);
      return;
    }
    boolean isHead = exchange.method().equals("HEAD");
    if (!isHead && !listeners.tryEnter()) {
      exchange.set("Retry-After", "15");
      refuse(
          exchange,
          503,
          "too-many-listeners",
          "Too many listen already",
          "at most " + config.listenersMax() + " may; /api/state can be asked again and again");
      return;
    }
    if (isHead) {
      exchange.respond(200, EVENTS, "");
      return;
    }
    try (OutputStream out = exchange.stream(EVENTS)) {
      listeners.serve(event(state.get()), out, isWelcome);
    } finally {
      listeners.leave();
    }
  }

  private static Map<String, String> parameters(HttpExchange exchange, String... known)
      throws BadRequest {
    Map<String, String> parameters = new HashMap<>();
    String query = exchange.query();
    if (query.isEmpty()) {
      return parameters;
    }
    for (String part : query.split("&", -1)) {
      String[] halves = part.split("=", 2);
      String name = decoded(halves[0]);
      if (!List.of(known).contains(name)) {
        throw new BadRequest(
            known.length == 0
                ? "this takes no parameters"
                : "this takes no other parameters than " + String.join(" and ", known));
      }
      if (parameters.put(name, halves.length < 2 ? "" : decoded(halves[1])) != null) {
        throw new BadRequest("the parameter " + name + " stands twice");
      }
    }
    return parameters;
  }

  private static String decoded(String text) throws BadRequest {
    try {
      return URLDecoder.decode(text, StandardCharsets.UTF_8);
    } catch (IllegalArgumentException _) {
      throw new BadRequest("the query is not percent-encoded");
    }
  }

  private static long number(
      Map<String, String> parameters, String name, long unset, long min, long max)
      throws BadRequest {
    String text = parameters.get(name);
    if (text == null) {
      return unset;
    }
    try {
      long number = Long.parseLong(text);
      if (number >= min && number <= max) {
        return number;
      }
    } catch (NumberFormatException _) {
      // as with one out of range
    }
    throw new BadRequest(
        "the parameter "
            + name
            + " is no whole number from "
            + min
            + (max == Long.MAX_VALUE ? "" : " to " + max));
  }

  private static void refuseAsNothingIsKnown(HttpExchange exchange) {
    exchange.set("Retry-After", "1");
    refuse(
        exchange,
        503,
        "nothing-known-yet",
        "Nothing is known yet",
        "the monitor has just started and has not heard of any node");
  }

  private static void refuse(
      HttpExchange exchange, int status, String type, String title, String detail) {
    respond(exchange, status, PROBLEM, ConsoleJson.problem(type, title, status, detail));
  }

  private static void respond(HttpExchange exchange, int status, String type, String text) {
    exchange.respond(status, type, text);
  }
}
