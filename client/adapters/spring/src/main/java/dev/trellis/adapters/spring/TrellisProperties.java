package dev.trellis.adapters.spring;

import dev.trellis.client.ClientConfig;
import dev.trellis.client.ClientTls;
import dev.trellis.lattice.Payload;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
/// @param ca a file with the certificates of the authority, for a cluster with security
/// @param apiKeyFile a file with an API key, for such a cluster
/// @param sessionKey the secret with which session tokens are signed
@ConfigurationProperties("trellis")
public record TrellisProperties(
    List<String> addresses,
    @Nullable String clusterName,
    @Nullable Duration timeout,
    @Nullable Duration connectTimeout,
    @Nullable Path ca,
    @Nullable Path apiKeyFile,
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
    if (ca != null) {
      config = config.withTls(ClientTls.trusting(ca));
    }
    if (apiKeyFile != null) {
      if (ca == null) {
        throw new IllegalArgumentException(
            "trellis.api-key-file needs trellis.ca too: a key is shown over TLS only");
      }
      try {
        config = config.withApiKey(Files.readString(apiKeyFile).strip());
      } catch (IOException e) {
        throw new IllegalArgumentException("trellis.api-key-file: cannot read " + apiKeyFile, e);
      }
    }
    if (sessionKey != null) {
      config = config.withSessionKey(Payload.ofText(sessionKey));
    }
    return config;
  }
}
