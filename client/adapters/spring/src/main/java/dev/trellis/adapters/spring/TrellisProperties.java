package dev.trellis.adapters.spring;

import dev.trellis.client.ClientConfig;
import dev.trellis.lattice.Payload;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;

/// The properties `trellis.…`. What is not set is as in [ClientConfig#of].
///
/// @param addresses of routers or nodes, `host:port`
/// @param clusterName the cluster that these must belong to
/// @param timeout how long a call may take
/// @param connectTimeout how long a connection may take to be made
/// @param sessionKey the secret with which session tokens are signed
@ConfigurationProperties("trellis")
public record TrellisProperties(
    List<String> addresses,
    @Nullable String clusterName,
    @Nullable Duration timeout,
    @Nullable Duration connectTimeout,
    @Nullable String sessionKey) {
  ClientConfig clientConfig() {
    ClientConfig config =
        ClientConfig.of(addresses.toArray(String[]::new)).withAgent("trellis-spring");
    if (clusterName != null) {
      config = config.withClusterName(clusterName);
    }
    if (timeout != null) {
      config = config.withTimeout(timeout);
    }
    if (connectTimeout != null) {
      config = config.withConnectTimeout(connectTimeout);
    }
    if (sessionKey != null) {
      config = config.withSessionKey(Payload.ofText(sessionKey));
    }
    return config;
  }
}
