package dev.trellis.deploy;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Failures;
import dev.trellis.deploy.security.ClusterSecrets;
import dev.trellis.process.ConfigurationException;
import dev.trellis.process.CurveKeys;
import dev.trellis.process.Secrets;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.Proxy;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.Optional;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManagerFactory;

/// How commands reach the admin and control ports of a cluster of this machine: plainly, or, where
/// it has `security = on`, as its administrator. Uses the plain old HTTP client of the JDK, which
/// is there in a tenth of the time that the new one takes.
final class Access {
  private static final Duration TIMEOUT = Duration.ofSeconds(2);

  /// What an administrator has.
  private record Shown(SSLSocketFactory sockets, String key, CurveKeys curve) {}

  private final Optional<Shown> shown;

  private Access(Optional<Shown> shown) {
    this.shown = shown;
  }

  /// What a process answered.
  record Response(int status, String text) {
    boolean isOk() {
      return status == HttpURLConnection.HTTP_OK;
    }
  }

  /// Reads what is to be shown.
  ///
  /// @throws CommandFailure if the cluster is secured, and its secrets cannot be used
  static Access to(ClusterState cluster) {
    return new Access(
        cluster.secrets().map(secrets -> read(secrets.resolve(ClusterSecrets.CLIENT))));
  }

  private static Shown read(Path folder) {
    Secrets secrets = new Secrets(folder);
    try {
      return new Shown(
          sockets(secrets.file(Secrets.AUTHORITIES)),
          Files.readString(secrets.file(ClusterSecrets.ADMINISTRATOR_KEY)).strip(),
          CurveKeys.of(secrets));
    } catch (IOException e) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT,
          "the cluster has security = on, but cannot read " + Failures.of(folder, e),
          e);
    } catch (GeneralSecurityException | ConfigurationException e) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT,
          "the cluster has security = on, but cannot use what is in "
              + folder
              + ": "
              + e.getMessage(),
          e);
    }
  }

  private static SSLSocketFactory sockets(Path authorities)
      throws IOException, GeneralSecurityException {
    KeyStore believed = KeyStore.getInstance(KeyStore.getDefaultType());
    believed.load(null, null);
    try (InputStream file = Files.newInputStream(authorities)) {
      int number = 0;
      for (Certificate authority :
          CertificateFactory.getInstance("X.509").generateCertificates(file)) {
        believed.setCertificateEntry("authority-" + number++, authority);
      }
    }
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(believed);
    SSLContext context = SSLContext.getInstance("TLSv1.3");
    context.init(null, trust.getTrustManagers(), null);
    return context.getSocketFactory();
  }

  /// Asks an admin port for a path such as `/readyz`; empty if nobody answers.
  Optional<Response> get(int port, String path) {
    return get(port, path, TIMEOUT);
  }

  /// The same of any server of HTTP of the cluster.
  ///
  /// @param timeout how long it may take to let us in, and then to answer
  Optional<Response> get(int port, String path, Duration timeout) {
    String host = InetAddress.getLoopbackAddress().getHostAddress();
    String scheme = shown.isPresent() ? "https://" : "http://";
    try {
      HttpURLConnection connection =
          (HttpURLConnection)
              URI.create(scheme + host + ":" + port + path).toURL().openConnection(Proxy.NO_PROXY);
      if (shown.isPresent() && connection instanceof HttpsURLConnection encrypted) {
        encrypted.setSSLSocketFactory(shown.get().sockets);
        encrypted.setRequestProperty("Authorization", "Bearer " + shown.get().key);
      }
      connection.setConnectTimeout((int) timeout.toMillis());
      connection.setReadTimeout((int) timeout.toMillis());
      int status = connection.getResponseCode();
      try (InputStream body =
          status < HttpURLConnection.HTTP_BAD_REQUEST
              ? connection.getInputStream()
              : connection.getErrorStream()) {
        String text =
            body == null ? "" : new String(body.readAllBytes(), StandardCharsets.UTF_8).strip();
        return Optional.of(new Response(status, text));
      }
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /// With which orders are given; empty where security is off.
  Optional<CurveKeys> curve() {
    return shown.map(Shown::curve);
  }
}
