package dev.trellis.client;

import dev.trellis.access.CertificateName;
import dev.trellis.access.CertificateName.Part;
import io.netty.buffer.ByteBufAllocator;
import io.netty.handler.ssl.NotSslRecordException;
import io.netty.handler.ssl.OpenSsl;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslProvider;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertPathValidatorException;
import java.security.cert.Certificate;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// How a client encrypts, and whom it believes: TLS 1.3 to nodes and routers whose certificates an
/// authority of the cluster has signed. It goes by the name that such a certificate has of its
/// cluster, see [CertificateName], and not by host names, as nodes come and go at addresses that
/// nobody knows beforehand. Immutable.
///
/// Files are read when the first connection is made, and anew when they have changed. BoringSSL is
/// used where `netty-tcnative-boringssl-static` is on the class path, which this artifact does not
/// bring, else the JDK's TLS.
public final class ClientTls {
  private static final Logger log = LoggerFactory.getLogger(ClientTls.class);

  private final Supplier<SslContext> contexts;
  private final @Nullable Path authorities; // where this was made of files

  private ClientTls(Supplier<SslContext> contexts, @Nullable Path authorities) {
    this.contexts = contexts;
    this.authorities = authorities;
  }

  /// For who shows an API key, or nothing.
  ///
  /// @param authorities a PEM file with the certificates of those who sign for the cluster,
  ///   `ca.crt`
  public static ClientTls trusting(Path authorities) {
    return new ClientTls(new Contexts(authorities, null, null)::current, authorities);
  }

  /// The same for who shows a certificate of its own.
  ///
  /// @param certificate a PEM file, with those between it and the authority, if there are any
  /// @param privateKey its key, a PEM file, PKCS #8
  /// @throws IllegalStateException if this was not made by [#trusting]
  public ClientTls withCertificate(Path certificate, Path privateKey) {
    Path known = authorities;
    if (known == null) {
      throw new IllegalStateException("whose contexts come ready has no certificate to be set");
    }
    return new ClientTls(new Contexts(known, certificate, privateKey)::current, known);
  }

  /// For a process of the cluster, which has contexts already.
  ///
  /// @param contexts for clients; asked for each connection, and must not wait
  public static ClientTls using(Supplier<SslContext> contexts) {
    return new ClientTls(contexts, null);
  }

  /// What encrypts one connection.
  ///
  /// @throws IllegalArgumentException if the files cannot be used
  SslHandler handler(ByteBufAllocator buffers, Address address) {
    return contexts.get().newHandler(buffers, address.host(), address.port());
  }

  /// Who is on the other side, of a handshake that is done.
  ///
  /// @return empty if it has a certificate that names no part of a cluster
  static Optional<CertificateName> shownBy(SSLSession session) {
    try {
      Certificate[] chain = session.getPeerCertificates();
      return chain.length > 0 && chain[0] instanceof X509Certificate certificate
          ? CertificateName.of(certificate)
          : Optional.empty();
    } catch (SSLPeerUnverifiedException e) {
      return Optional.empty();
    }
  }

  /// Why a client does not talk to who has this certificate; empty if it does.
  ///
  /// @param clusterName that it is to be of; empty for any
  static Optional<String> objection(Optional<CertificateName> shown, String clusterName) {
    if (shown.isEmpty()) {
      return Optional.of(
          "its certificate names no part of a Trellis cluster, as trellis://CLUSTER/node/NAME does");
    }
    CertificateName name = shown.get();
    if (name.part() != Part.NODE && name.part() != Part.ROUTER) {
      return Optional.of(
          "its certificate is of " + name.uri() + ", which is neither a node nor a router");
    }
    return clusterName.isEmpty() || clusterName.equals(name.cluster())
        ? Optional.empty()
        : Optional.of(
            "its certificate is of "
                + name.uri()
                + ", but this client expects cluster '"
                + clusterName
                + "'");
  }

  /// Why a handshake, or what was encrypted, failed: for people. Names the certificate if it is the
  /// reason.
  public static String reason(@Nullable Throwable failure) {
    String last = "unknown reason";
    String named = "its certificate ";
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      switch (cause) {
        case NotSslRecordException plain -> {
          return "this port does not speak TLS; security is off there";
        }
        case CertPathValidatorException invalid -> named = named(invalid);
        case CertificateExpiredException expired -> {
          return named + "has expired: " + expired.getMessage();
        }
        case CertificateNotYetValidException early -> {
          return named + "is not valid yet: " + early.getMessage();
        }
        case CertPathBuilderException unknown -> {
          return named + "is not signed by an authority that is believed here (ca.crt)";
        }
        default -> {}
      }
      if (cause.getMessage() != null) {
        last = cause.getMessage();
      }
    }
    return alert(last)
        .map(alert -> "the other side refuses the certificate that was shown: " + alert)
        .orElse(last);
  }

  private static String named(CertPathValidatorException invalid) {
    boolean known = invalid.getCertPath() != null && invalid.getIndex() >= 0;
    return known
            && invalid.getCertPath().getCertificates().get(invalid.getIndex())
                instanceof X509Certificate certificate
        ? "the certificate of "
            + CertificateName.of(certificate)
                .map(CertificateName::uri)
                .orElse(certificate.getSubjectX500Principal().getName())
            + ", number "
            + certificate.getSerialNumber().toString(16)
            + ", "
        : "its certificate ";
  }

  /// What the other side says of a certificate, in the words of the one library or the other.
  private static Optional<String> alert(String message) {
    String words = message.toLowerCase(Locale.ROOT).replace('_', ' ');
    if (!words.contains("alert")) {
      return Optional.empty();
    }
    return List.of(
            "certificate expired",
            "certificate unknown",
            "bad certificate",
            "certificate required",
            "unknown ca")
        .stream()
        .filter(words::contains)
        .findFirst();
  }

  /// Nothing that is in the files.
  @Override
  public String toString() {
    return authorities == null ? "ClientTls" : "ClientTls trusting " + authorities;
  }

  /// What was made of files, and is made anew when they change.
  private static final class Contexts {
    private static final long LOOK_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final Path authorities;
    private final @Nullable Path certificate;
    private final @Nullable Path privateKey;
    private @Nullable SslContext context; // guarded by this, as what follows
    private List<FileTime> times = List.of();
    private long lookedNanos;

    Contexts(Path authorities, @Nullable Path certificate, @Nullable Path privateKey) {
      this.authorities = authorities;
      this.certificate = certificate;
      this.privateKey = privateKey;
    }

    synchronized SslContext current() {
      SslContext known = context;
      long now = System.nanoTime();
      if (known != null && now - lookedNanos < LOOK_NANOS) {
        return known;
      }
      lookedNanos = now;
      try {
        List<FileTime> found = times();
        if (known == null || !found.equals(times)) {
          known = read();
          context = known;
          times = found;
        }
        return known;
      } catch (IOException | IllegalArgumentException e) {
        if (known != null) {
          // Perhaps half of the files are there yet.
          log.warn("certificates stay as they are: {}", e.getMessage());
          return known;
        }
        throw new IllegalArgumentException(
            "cannot use " + files() + ": " + e.getClass().getSimpleName() + ": " + e.getMessage(),
            e);
      }
    }

    private SslContext read() throws IOException {
      SslContextBuilder builder =
          SslContextBuilder.forClient()
              .sslProvider(OpenSsl.isAvailable() ? SslProvider.OPENSSL : SslProvider.JDK)
              .trustManager(authorities.toFile())
              .endpointIdentificationAlgorithm(null) // the name of the cluster counts
              .protocols("TLSv1.3");
      if (certificate != null && privateKey != null) {
        builder.keyManager(certificate.toFile(), privateKey.toFile());
      }
      return builder.build();
    }

    private List<Path> files() {
      List<Path> files = new ArrayList<>(List.of(authorities));
      if (certificate != null && privateKey != null) {
        files.add(certificate);
        files.add(privateKey);
      }
      return files;
    }

    private List<FileTime> times() throws IOException {
      try {
        return files().stream()
            .map(
                file -> {
                  try {
                    return Files.getLastModifiedTime(file);
                  } catch (IOException e) {
                    throw new UncheckedIOException(e);
                  }
                })
            .toList();
      } catch (UncheckedIOException e) {
        throw e.getCause();
      }
    }
  }
}
