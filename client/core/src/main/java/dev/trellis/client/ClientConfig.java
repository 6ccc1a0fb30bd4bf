package dev.trellis.client;

import dev.trellis.access.ApiKey;
import dev.trellis.client.session.TokenSeal;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Frame;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;

/// How a client reaches its cluster. Immutable; start from [#of] and change what differs.
///
/// @param addresses of routers or nodes, `host:port`, at least one; any of them will do
/// @param clusterName the cluster these must belong to; empty to take whichever they do
/// @param scope `SHARD` for a connection to each shard in use, the fastest; `NODE` for one to each
///   node, where there are very many clients
/// @param timeout how long a call may take that does not say otherwise, 1 ms to one day
/// @param connectTimeout how long a connection, its handshake included, may take to be made, 1 ms
///   to 1 min
/// @param acknowledgement what mutations wait for that do not say otherwise
/// @param inFlightMax calls sent on one connection and not yet answered, 1 to 2,048: a shard
///   remembers the last 4,096 mutations of a client, and repeats must be among them
/// @param queueMax calls waiting for their turn on one connection, 0 to 1,000,000; what exceeds it
///   fails with `OVERLOADED` at once
/// @param queueBytesMax the same in bytes of keys and values, 64 KiB or more
/// @param eventLoopThreads threads that carry requests and answers, 1 to 64
/// @param mapRefresh how often the cluster map is asked for anew, 10 ms to 1 h
/// @param patience how long a connection from which something is awaited may be silent before it is
///   tested, and after as long again given up, 10 ms to 1 h: so is a peer found that vanished
///   without a word. Also how long calls wait for a new connection before they go to another holder
///   of their key
/// @param credentials an API key, see [#withApiKey]; empty for none
/// @param sessionKeys with which session tokens are signed, and must be signed to be taken: secrets
///   that all clients of a session share, of which the first one signs; asked for each token, so
///   that they can be exchanged. Gives an empty list for none; see [TokenSeal#keys]
/// @param agent name and version of the software, for the nodes' logs
/// @param tls how it encrypts; empty where the cluster has no security
public record ClientConfig(
    List<String> addresses,
    Optional<String> clusterName,
    Frame.Scope scope,
    Duration timeout,
    Duration connectTimeout,
    Acknowledgement acknowledgement,
    int inFlightMax,
    int queueMax,
    long queueBytesMax,
    int eventLoopThreads,
    Duration mapRefresh,
    Duration patience,
    Payload credentials,
    Supplier<List<Payload>> sessionKeys,
    String agent,
    Optional<ClientTls> tls) {
  public ClientConfig {
    addresses = List.copyOf(addresses);
    if (addresses.isEmpty()) {
      throw new IllegalArgumentException("no address given; give at least one, as host:port");
    }
    addresses.forEach(Address::parse);
    CallOptions.requireWithin("timeout", timeout, CallOptions.TIMEOUT_MAX);
    CallOptions.requireWithin("connectTimeout", connectTimeout, Duration.ofMinutes(1));
    requireWithin("mapRefresh", mapRefresh);
    requireWithin("patience", patience);
    requireWithin("inFlightMax", inFlightMax, 1, 2_048);
    requireWithin("queueMax", queueMax, 0, 1_000_000);
    requireWithin("queueBytesMax", queueBytesMax, 64 << 10, Long.MAX_VALUE);
    requireWithin("eventLoopThreads", eventLoopThreads, 1, 64);
  }

  private static void requireWithin(String what, Duration value) {
    Duration min = Duration.ofMillis(10);
    Duration max = Duration.ofHours(1);
    if (value.compareTo(min) < 0 || value.compareTo(max) > 0) {
      throw new IllegalArgumentException(what + " " + value + " is outside " + min + " to " + max);
    }
  }

  private static void requireWithin(String what, long value, long min, long max) {
    if (value < min || value > max) {
      throw new IllegalArgumentException(what + " " + value + " is outside " + min + " to " + max);
    }
  }

  /// The defaults, for a cluster at these addresses.
  ///
  /// @throws IllegalArgumentException if there is none, or one is no `host:port`
  public static ClientConfig of(String... addresses) {
    return new ClientConfig(
        List.of(addresses),
        Optional.empty(),
        Frame.Scope.SHARD,
        Duration.ofSeconds(5),
        Duration.ofSeconds(5),
        Acknowledgement.DEFAULT,
        1_024,
        16_384,
        64 << 20,
        Math.clamp(Runtime.getRuntime().availableProcessors() / 2, 1, 8),
        Duration.ofSeconds(10),
        Duration.ofSeconds(1),
        Payload.EMPTY,
        List::of,
        "trellis-java",
        Optional.empty());
  }

  public ClientConfig withClusterName(String name) {
    return with(draft -> draft.clusterName = Optional.of(name));
  }

  public ClientConfig withScope(Frame.Scope other) {
    return with(draft -> draft.scope = other);
  }

  public ClientConfig withTimeout(Duration time) {
    return with(draft -> draft.timeout = time);
  }

  public ClientConfig withConnectTimeout(Duration time) {
    return with(draft -> draft.connectTimeout = time);
  }

  public ClientConfig withAcknowledgement(Acknowledgement level) {
    return with(draft -> draft.acknowledgement = level);
  }

  public ClientConfig withInFlightMax(int calls) {
    return with(draft -> draft.inFlightMax = calls);
  }

  public ClientConfig withQueueMax(int calls) {
    return with(draft -> draft.queueMax = calls);
  }

  public ClientConfig withQueueBytesMax(long bytes) {
    return with(draft -> draft.queueBytesMax = bytes);
  }

  public ClientConfig withEventLoopThreads(int threads) {
    return with(draft -> draft.eventLoopThreads = threads);
  }

  public ClientConfig withMapRefresh(Duration period) {
    return with(draft -> draft.mapRefresh = period);
  }

  public ClientConfig withPatience(Duration time) {
    return with(draft -> draft.patience = time);
  }

  public ClientConfig withCredentials(Payload secret) {
    return with(draft -> draft.credentials = secret);
  }

  /// An API key, as its owner has it. It is shown to nodes and routers of the cluster only, so it
  /// needs [#withTls].
  ///
  /// @throws IllegalArgumentException if the text is none
  public ClientConfig withApiKey(String text) {
    ApiKey.parse(text);
    return withCredentials(Payload.ofText(text));
  }

  /// Whether the credentials are an API key, and not something of a user's own making.
  boolean showsApiKey() {
    try {
      return credentials.isText() && !ApiKey.parse(credentials.text()).id().isEmpty();
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  /// Encryption, for a cluster with security.
  public ClientConfig withTls(ClientTls encryption) {
    return with(draft -> draft.tls = Optional.of(encryption));
  }

  /// One session key; an empty one for none.
  public ClientConfig withSessionKey(Payload secret) {
    return withSessionKeys(secret.isEmpty() ? List.of() : List.of(secret));
  }

  /// Several session keys, of which the first one signs.
  ///
  /// @throws IllegalArgumentException if one is empty
  public ClientConfig withSessionKeys(List<Payload> secrets) {
    List<Payload> keys = new TokenSeal(secrets, "").keys();
    return withSessionKeys(() -> keys);
  }

  /// Session keys that may change while the client is in use.
  ///
  /// @param secrets safe for any thread, quick, and without an empty one
  public ClientConfig withSessionKeys(Supplier<List<Payload>> secrets) {
    return with(draft -> draft.sessionKeys = secrets);
  }

  public ClientConfig withAgent(String name) {
    return with(draft -> draft.agent = name);
  }

  private ClientConfig with(Consumer<Draft> change) {
    Draft draft = new Draft(this);
    change.accept(draft);
    return draft.finished();
  }

  /// A copy whose fields may change before it becomes a configuration.
  private static final class Draft {
    private final List<String> addresses;
    private Optional<String> clusterName;
    private Frame.Scope scope;
    private Duration timeout;
    private Duration connectTimeout;
    private Acknowledgement acknowledgement;
    private int inFlightMax;
    private int queueMax;
    private long queueBytesMax;
    private int eventLoopThreads;
    private Duration mapRefresh;
    private Duration patience;
    private Payload credentials;
    private Supplier<List<Payload>> sessionKeys;
    private String agent;
    private Optional<ClientTls> tls;

    Draft(ClientConfig config) {
      addresses = config.addresses;
      clusterName = config.clusterName;
      scope = config.scope;
      timeout = config.timeout;
      connectTimeout = config.connectTimeout;
      acknowledgement = config.acknowledgement;
      inFlightMax = config.inFlightMax;
      queueMax = config.queueMax;
      queueBytesMax = config.queueBytesMax;
      eventLoopThreads = config.eventLoopThreads;
      mapRefresh = config.mapRefresh;
      patience = config.patience;
      credentials = config.credentials;
      sessionKeys = config.sessionKeys;
      agent = config.agent;
      tls = config.tls;
    }

    ClientConfig finished() {
      return new ClientConfig(
          addresses,
          clusterName,
          scope,
          timeout,
          connectTimeout,
          acknowledgement,
          inFlightMax,
          queueMax,
          queueBytesMax,
          eventLoopThreads,
          mapRefresh,
          patience,
          credentials,
          sessionKeys,
          agent,
          tls);
    }
  }

  /// Everything but the secrets.
  @Override
  public String toString() {
    return "ClientConfig"
        + addresses
        + clusterName.map(name -> " of cluster " + name).orElse("")
        + ", a connection per "
        + scope
        + tls.map(encryption -> ", " + encryption).orElse("")
        + ", timeout "
        + timeout;
  }
}
