package dev.trellis.routing;

import static dev.trellis.process.Ranges.requireWithin;

import dev.trellis.lattice.Payload;
import dev.trellis.process.ConfigurationException;
import dev.trellis.process.ListenGuard;
import dev.trellis.process.Secrets;
import dev.trellis.process.Security;
import dev.trellis.process.SessionKeys;
import dev.trellis.process.StrictConfig;
import dev.trellis.routing.gateway.GatewayConfig;
import dev.trellis.routing.lookup.Address;
import dev.trellis.routing.lookup.LookupConfig;
import dev.trellis.wire.Limits;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;

/// The settings of a router. [#reference] documents each by its key.
///
/// @param admin where `/metrics`, `/healthz` and `/readyz` are; port 0 takes a free one
/// @param callTimeout how long the cluster may take to answer a request of HTTP that sets no
///   timeout of its own, 10 ms to 1 day
/// @param sessionKey with which the gateway signs session tokens, and those that come must be
///   signed: a secret of 16 to 1,024 bytes; empty for none, and where security is on, as the keys
///   are among the secrets then
/// @param secrets there if security is on
public record RouterConfig(
    LookupConfig lookup,
    GatewayConfig gateway,
    InetSocketAddress admin,
    Duration callTimeout,
    Payload sessionKey,
    Optional<Secrets> secrets) {
  public RouterConfig {
    if (!sessionKey.isEmpty()) {
      SessionKeys.require("gateway.session.key", sessionKey);
      if (secrets.isPresent()) {
        throw new ConfigurationException(
            "gateway.session.key is of no use with security = on: "
                + secrets.get().file(Secrets.SESSION_KEY)
                + " has the keys");
      }
    }
    requireWithin("gateway.call.timeout", callTimeout, Duration.ofMillis(10), Duration.ofDays(1));
  }

  /// Every key, documented, with its default: a HOCON text.
  public static String reference() {
    try (InputStream in = RouterConfig.class.getResourceAsStream("router.conf")) {
      return new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException("the jar of routing is damaged", e);
    }
  }

  /// Reads and checks the settings.
  ///
  /// @throws ConfigurationException if one is missing, of another type or out of its range
  public static RouterConfig of(StrictConfig config) {
    Security security = Security.of(config, "security");
    InetAddress bind = ListenGuard.resolve("bind", config.text("bind"), security);
    InetAddress gatewayBind =
        config
            .optionalText("gateway.bind")
            .map(text -> ListenGuard.resolve("gateway.bind", text, security))
            .orElse(bind);
    return new RouterConfig(
        lookup(config, new InetSocketAddress(bind, port(config, "data.port"))),
        gateway(config, new InetSocketAddress(gatewayBind, port(config, "gateway.port"))),
        new InetSocketAddress(bind, port(config, "admin.port")),
        config.duration("gateway.call.timeout"),
        sessionKey(config),
        Secrets.of(config, "secrets.folder", security));
  }

  /// An empty one is refused: whoever sets it, as from a variable that is unset, wants signatures.
  private static Payload sessionKey(StrictConfig config) {
    String key = "gateway.session.key";
    Optional<Payload> secret = config.optionalText(key).map(Payload::ofText);
    if (secret.isPresent() && secret.get().isEmpty()) {
      throw new ConfigurationException(
          key + " is empty; leave it out for tokens without a signature, or set a secret");
    }
    return secret.orElse(Payload.EMPTY);
  }

  private static LookupConfig lookup(StrictConfig config, InetSocketAddress address) {
    return new LookupConfig(
        config.text("router.id"),
        config.text("cluster.name"),
        config.texts("cluster.nodes").stream()
            .map(text -> Address.parse("cluster.nodes", text))
            .toList(),
        address,
        limits(config),
        config.duration("cluster.period"),
        config.duration("cluster.timeout"),
        config.duration("handshake.timeout"),
        config.number("connections.max"));
  }

  private static GatewayConfig gateway(StrictConfig config, InetSocketAddress address) {
    return new GatewayConfig(
        address,
        config.number("gateway.threads"),
        limits(config),
        config.numberOfBytes("gateway.line.max"),
        config.numberOfBytes("gateway.header.max"),
        config.number("gateway.connections.max"),
        config.bytesOrShare("gateway.memory.max", Runtime.getRuntime().maxMemory()),
        config.duration("gateway.header.timeout"),
        config.duration("gateway.body.timeout"),
        config.duration("gateway.idle.timeout"),
        config.duration("gateway.write.timeout"),
        config.duration("gateway.heartbeat"),
        config.duration("gateway.stop.timeout"),
        config.number("gateway.principals.max"));
  }

  private static Limits limits(StrictConfig config) {
    return StrictConfig.legal(
        () ->
            new Limits(
                config.numberOfBytes("limits.key"),
                config.numberOfBytes("limits.value"),
                config.numberOfBytes("limits.frame"),
                config.number("limits.batch")));
  }

  /// Everything but the secret.
  @Override
  public String toString() {
    return "RouterConfig["
        + lookup
        + ", "
        + gateway
        + ", admin "
        + admin
        + ", call timeout "
        + callTimeout
        + (sessionKey.isEmpty() ? ", no session key]" : ", a session key]");
  }

  private static int port(StrictConfig config, String key) {
    int port = config.number(key);
    requireWithin(key, port, 0, 0xffff);
    return port;
  }
}
