package dev.trellis.monitor.console;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.trellis.process.StartupException;
import java.io.IOException;
import java.io.InputStream;
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
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
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
  private static final String PROBLEM = "application/problem+json";

  /// What is charted unless somebody asks for more.
  private static final Duration SERIES_DEFAULT = Duration.ofMinutes(15);

  private static final int DECISIONS_DEFAULT = 50;
  private static final int DECISIONS_MAX = 200;

  /// Nothing is loaded from elsewhere, nothing inline is run, no text becomes markup, and no other
  /// page may frame this one.
  private static final String CONTENT_POLICY =
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
          + " base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
          + " require-trusted-types-for 'script'; trusted-types 'none'";

  /// The files of the page, in the resources of this package, by path.
  private static final Map<String, Page> PAGES =
      Map.of(
          "/", Page.of("index.html", "text/html; charset=utf-8"),
          "/console.css", Page.of("console.css", "text/css; charset=utf-8"),
          "/console.js", Page.of("console.js", "text/javascript; charset=utf-8"),
          "/icon.svg", Page.of("icon.svg", "image/svg+xml"));

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
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final ScheduledExecutorService ticker =
      Executors.newSingleThreadScheduledExecutor(Thread.ofVirtual().name("console").factory());
  private final ConsoleSource source;
  private final ConsoleHistory history;
  private final ConsoleConfig config;
  private final InstantSource clock;
  private final HostGuard guard;
  private final Listeners listeners;
  private boolean isSourceFailing; // used by the ticker

  private Console(
      HttpServer server,
      InetSocketAddress address,
      ConsoleSource source,
      ConsoleHistory history,
      ConsoleConfig config,
      InstantSource clock) {
    this.server = server;
    this.source = source;
    this.history = history;
    this.config = config;
    this.clock = clock;
    List<String> names = new ArrayList<>(config.names());
    names.add(address.getHostString());
    guard = new HostGuard(names);
    listeners = new Listeners(config.listenersMax(), config.stall());
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
    HttpServer server;
    try {
      server = HttpServer.create(address, 0);
    } catch (IOException e) {
      throw StartupException.portUnavailable(
          address, "the console of the monitor", "console.port", e);
    }
    Console console = new Console(server, address, source, history, config, clock);
    server.setExecutor(console.threads);
    server.createContext("/", console::handle);
    server.start();
    long periodMillis = config.period().toMillis();
    var _ =
        console.ticker.scheduleWithFixedDelay(
            console::tick, 0, periodMillis, TimeUnit.MILLISECONDS);
    return console;
  }

  /// The port listened on.
  public int port() {
    return server.getAddress().getPort();
  }

  /// Stops listening, and ends exchanges under way, listeners included.
  @Override
  public void close() {
    ticker.shutdownNow();
    threads.shutdownNow();
    server.stop(0);
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
    try (exchange) {
      secure(exchange);
      try {
        check(exchange);
      } catch (BadRequest e) {
        refuse(exchange, 400, "bad-request", "The query cannot be understood", e.detail());
      } catch (RuntimeException e) {
        LOG.error("{} failed", exchange.getRequestURI(), e);
        boolean hasBegun = exchange.getResponseCode() != -1;
        if (!hasBegun) {
          refuse(exchange, 500, "failed", "That failed", "the log of the monitor says why");
        }
      }
    }
  }

  private void check(HttpExchange exchange) throws IOException, BadRequest {
    String method = exchange.getRequestMethod();
    if (!guard.admits(
        exchange.getRequestHeaders().getOrDefault("Host", List.of()),
        exchange.getLocalAddress().getAddress())) {
      refuse(
          exchange,
          421,
          "host-refused",
          "The console does not go by this name",
          "ask for it by its address, or by a loopback name such as localhost; other names must"
              + " be configured, as console.names");
    } else if (method.equals("GET") || method.equals("HEAD")) {
      answer(exchange);
    } else {
      exchange.getResponseHeaders().set("Allow", "GET, HEAD");
      refuse(
          exchange, 405, "method-not-allowed", "The console only shows", "it answers GET and HEAD");
    }
  }

  private static void secure(HttpExchange exchange) {
    var headers = exchange.getResponseHeaders();
    headers.set("Content-Security-Policy", CONTENT_POLICY);
    headers.set("Cache-Control", "no-store");
    headers.set("X-Content-Type-Options", "nosniff");
    headers.set("Referrer-Policy", "no-referrer");
    headers.set("Cross-Origin-Resource-Policy", "same-origin");
    headers.set("Cross-Origin-Opener-Policy", "same-origin");
  }

  private void answer(HttpExchange exchange) throws IOException, BadRequest {
    String path = exchange.getRequestURI().getPath();
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
        listen(exchange);
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
      default -> {
        Page page = PAGES.get(path);
        if (page == null) {
          refuse(
              exchange,
              404,
              "not-found",
              "There is nothing here",
              "the console has /, /api/state, /api/series, /api/decisions and /api/events");
        } else {
          respond(exchange, 200, page.type(), page.text());
        }
      }
    }
  }

  private void listen(HttpExchange exchange) throws IOException {
    Optional<ConsoleState> state = source.state();
    if (state.isEmpty()) {
      refuseAsNothingIsKnown(exchange);
      return;
    }
    boolean isHead = exchange.getRequestMethod().equals("HEAD");
    if (!isHead && !listeners.tryEnter()) {
      exchange.getResponseHeaders().set("Retry-After", "15");
      refuse(
          exchange,
          503,
          "too-many-listeners",
          "Too many listen already",
          "at most " + config.listenersMax() + " may; /api/state can be asked again and again");
      return;
    }
    exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
    if (isHead) {
      exchange.sendResponseHeaders(200, -1);
      return;
    }
    try {
      exchange.sendResponseHeaders(200, 0);
      listeners.serve(event(state.get()), exchange.getResponseBody());
    } finally {
      listeners.leave();
    }
  }

  private static Map<String, String> parameters(HttpExchange exchange, String... known)
      throws BadRequest {
    Map<String, String> parameters = new HashMap<>();
    String query = exchange.getRequestURI().getRawQuery();
    if (query == null || query.isEmpty()) {
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

  private static void refuseAsNothingIsKnown(HttpExchange exchange) throws IOException {
    exchange.getResponseHeaders().set("Retry-After", "1");
    refuse(
        exchange,
        503,
        "nothing-known-yet",
        "Nothing is known yet",
        "the monitor has just started and has not heard of any node");
  }

  private static void refuse(
      HttpExchange exchange, int status, String type, String title, String detail)
      throws IOException {
    respond(exchange, status, PROBLEM, ConsoleJson.problem(type, title, status, detail));
  }

  private static void respond(HttpExchange exchange, int status, String type, String text)
      throws IOException {
    byte[] body = text.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", type);
    if (exchange.getRequestMethod().equals("HEAD")) {
      exchange.getResponseHeaders().set("Content-Length", Integer.toString(body.length));
      exchange.sendResponseHeaders(status, -1);
      return;
    }
    exchange.sendResponseHeaders(status, body.length);
    exchange.getResponseBody().write(body);
  }
}
