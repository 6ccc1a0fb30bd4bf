package dev.trellis.process;

import dev.trellis.access.CertificateName;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.OpenSsl;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.attribute.FileTime;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.SignatureException;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// How a process encrypts, and shows who it is: TLS 1.3 with the certificate of its [Secrets].
/// Files that change are read anew, so that connections made later use them; those that stand stay.
/// For any thread.
public final class Tls {
  private static final Logger LOG = LoggerFactory.getLogger(Tls.class);
  private static final long LOOK_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final Pattern PKCS8 =
      Pattern.compile("-----BEGIN PRIVATE KEY-----([^-]+)-----END PRIVATE KEY-----");
  private static final List<String> FILES =
      List.of(Secrets.AUTHORITIES, Secrets.CERTIFICATE, Secrets.PRIVATE_KEY);

  /// What was made of the files as they were at one moment.
  private record Contexts(SslContext server, SslContext client, List<FileTime> times) {}

  private final Secrets secrets;
  private volatile Contexts contexts; // replaced under the lock of this
  private volatile long lookedNanos;

  private Tls(Secrets secrets, Contexts contexts) {
    this.secrets = secrets;
    this.contexts = contexts;
    this.lookedNanos = System.nanoTime();
  }

  /// Reads the files.
  ///
  /// @throws ConfigurationException if they are not there, or not what they should be
  public static Tls of(Secrets secrets) {
    return new Tls(secrets, read(secrets));
  }

  /// For who listens. Who connects may show a certificate, and if he does it must be signed by an
  /// authority of the cluster.
  public SslContext server() {
    return current().server;
  }

  /// For who connects to another process of the cluster. Whoever answers must show a certificate
  /// signed by an authority of the cluster; whose it is, is to be asked with [#shownBy].
  public SslContext client() {
    return current().client;
  }

  /// The certificate that the other side of a connection has shown; empty if it has shown none, or
  /// one that names no part of a cluster.
  public static Optional<Doorkeeper.Certificate> shownBy(SSLSession session) {
    try {
      Certificate[] chain = session.getPeerCertificates();
      if (chain.length == 0 || !(chain[0] instanceof X509Certificate certificate)) {
        return Optional.empty();
      }
      return CertificateName.of(certificate)
          .map(
              name ->
                  new Doorkeeper.Certificate(
                      name,
                      certificate.getSerialNumber().toString(16),
                      certificate.getNotAfter().toInstant().toEpochMilli()));
    } catch (SSLPeerUnverifiedException e) {
      return Optional.empty();
    }
  }

  /// Whose the certificate is that a process shows; empty if it names no part of a cluster.
  ///
  /// @throws ConfigurationException if it cannot be read
  static Optional<CertificateName> nameIn(Secrets secrets) {
    try {
      return CertificateName.of(own(secrets));
    } catch (IOException | GeneralSecurityException | IllegalArgumentException e) {
      throw new ConfigurationException(
          "cannot read " + secrets.file(Secrets.CERTIFICATE) + ": " + reason(e), e);
    }
  }

  private Contexts current() {
    long now = System.nanoTime();
    if (now - lookedNanos > LOOK_NANOS) {
      lookedNanos = now;
      refresh();
    }
    return contexts;
  }

  /// Reads the files if they have changed.
  synchronized void refresh() {
    try {
      if (!times(secrets).equals(contexts.times)) {
        contexts = read(secrets);
        LOG.info("certificates were read anew from {}", secrets.folder());
      }
    } catch (IOException | ConfigurationException e) {
      // Perhaps half of the files are there yet: what was good is used until all of it is good
      // again.
      LOG.warn("certificates stay as they are: {}", e.getMessage());
    }
  }

  private static Contexts read(Secrets secrets) {
    try {
      List<FileTime> times = times(secrets); // first: what changes meanwhile is read once more
      SslProvider provider = OpenSsl.isAvailable() ? SslProvider.OPENSSL : SslProvider.JDK;
      requirePair(secrets);
      return new Contexts(
          SslContextBuilder.forServer(
                  secrets.file(Secrets.CERTIFICATE).toFile(),
                  secrets.file(Secrets.PRIVATE_KEY).toFile())
              .sslProvider(provider)
              .trustManager(secrets.file(Secrets.AUTHORITIES).toFile())
              .clientAuth(ClientAuth.OPTIONAL)
              .protocols("TLSv1.3")
              .build(),
          SslContextBuilder.forClient()
              .sslProvider(provider)
              .keyManager(
                  secrets.file(Secrets.CERTIFICATE).toFile(),
                  secrets.file(Secrets.PRIVATE_KEY).toFile())
              .trustManager(secrets.file(Secrets.AUTHORITIES).toFile())
              .endpointIdentificationAlgorithm(null) // the name of the cluster counts, see shownBy
              .protocols("TLSv1.3")
              .build(),
          times);
    } catch (IOException | IllegalArgumentException e) {
      throw new ConfigurationException(
          "cannot use the certificates in "
              + secrets.folder()
              + " ("
              + String.join(", ", FILES)
              + "): "
              + reason(e),
          e);
    }
  }

  /// Netty would take a certificate and the key of another, as they lie there while one of them is
  /// being replaced, and every handshake would fail.
  private static void requirePair(Secrets secrets) throws IOException {
    try {
      PublicKey publicKey = own(secrets).getPublicKey();
      PrivateKey privateKey = privateKey(secrets, publicKey.getAlgorithm());
      String algorithm =
          switch (publicKey.getAlgorithm()) {
            case "EC" -> "SHA256withECDSA";
            case "RSA" -> "SHA256withRSA";
            default -> publicKey.getAlgorithm(); // Ed25519
          };
      byte[] probe = {1};
      Signature signer = Signature.getInstance(algorithm);
      signer.initSign(privateKey);
      signer.update(probe);
      byte[] signature = signer.sign();
      signer.initVerify(publicKey);
      signer.update(probe);
      if (!signer.verify(signature)) {
        throw new SignatureException("it belongs to another certificate");
      }
    } catch (GeneralSecurityException e) {
      throw new IllegalArgumentException(
          Secrets.PRIVATE_KEY + " is not the key of " + Secrets.CERTIFICATE, e);
    }
  }

  /// The process' own certificate.
  private static X509Certificate own(Secrets secrets) throws IOException, GeneralSecurityException {
    try (InputStream file = Files.newInputStream(secrets.file(Secrets.CERTIFICATE))) {
      Collection<? extends Certificate> chain =
          CertificateFactory.getInstance("X.509").generateCertificates(file);
      if (chain.isEmpty() || !(chain.iterator().next() instanceof X509Certificate own)) {
        throw new IllegalArgumentException(Secrets.CERTIFICATE + " has no certificate");
      }
      return own;
    }
  }

  private static PrivateKey privateKey(Secrets secrets, String algorithm)
      throws IOException, GeneralSecurityException {
    Matcher matcher = PKCS8.matcher(Files.readString(secrets.file(Secrets.PRIVATE_KEY)));
    if (!matcher.find()) {
      throw new IllegalArgumentException(Secrets.PRIVATE_KEY + " has no private key in PKCS #8");
    }
    return KeyFactory.getInstance(algorithm)
        .generatePrivate(new PKCS8EncodedKeySpec(Base64.getMimeDecoder().decode(matcher.group(1))));
  }

  private static String reason(Exception e) {
    return e instanceof SSLException || e instanceof IllegalArgumentException
        ? String.valueOf(e.getMessage())
        : e.getClass().getSimpleName() + " " + e.getMessage();
  }

  private static List<FileTime> times(Secrets secrets) throws IOException {
    List<FileTime> times = new ArrayList<>();
    for (String file : FILES) {
      times.add(Files.getLastModifiedTime(secrets.file(file)));
    }
    return times;
  }
}
