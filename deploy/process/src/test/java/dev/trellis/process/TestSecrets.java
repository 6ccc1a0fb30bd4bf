package dev.trellis.process;

import dev.trellis.access.AccessList;
import dev.trellis.access.ApiKey;
import dev.trellis.access.CertificateName;
import dev.trellis.access.KeyRecord;
import io.netty.handler.ssl.JdkSslContext;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.interfaces.XECPrivateKey;
import java.security.interfaces.XECPublicKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.X509ExtendedKeyManager;

/// An authority and all that a cluster with `security = on` needs, for tests: as `bin/trellis
/// security init` would make it, but quick, and also what is wrong in some way.
///
/// Each method makes a folder of its own, so a test may have several nodes of a name. Modules that
/// use it need this module's test-jar and `io.netty:netty-pkitesting`, both in test scope.
public final class TestSecrets {
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final Duration LIFE = Duration.ofHours(12);

  private final Path folder;
  private final String cluster;
  private final X509Bundle authority = authority("CN=test authority");
  private final ApiKey administrator = ApiKey.mint(RANDOM);
  private final KeyRecord administratorRecord =
      new KeyRecord(administrator.id(), AccessList.ADMINISTRATOR, administrator.hash(RANDOM), 0, 0);
  private final CurvePair server = CurvePair.mint();
  private final Map<String, CurvePair> known = new TreeMap<>(); // by name in curve.known
  private final String sessionKey = token();
  private int folders;

  /// A CURVE key pair, in Z85.
  public record CurvePair(String publicKey, String secretKey) {
    static CurvePair mint() {
      try {
        KeyPair pair = KeyPairGenerator.getInstance("X25519").generateKeyPair();
        byte[] secret = ((XECPrivateKey) pair.getPrivate()).getScalar().orElseThrow();
        return new CurvePair(
            z85(littleEndian(((XECPublicKey) pair.getPublic()).getU())), z85(secret));
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException(e);
      }
    }

    String lines() {
      return "public " + publicKey + "\nsecret " + secretKey + "\n";
    }
  }

  /// Makes up an authority, an administrator and keys.
  ///
  /// @param folder where folders of secrets are to be made
  public TestSecrets(Path folder, String cluster) {
    this.folder = folder;
    this.cluster = cluster;
    for (String name : List.of("node", "monitor", "operator")) {
      known.put(name, CurvePair.mint());
    }
  }

  // Whole folders.

  /// Those of a node; `*` for one that may be any.
  public Secrets node(String name) {
    return of(CertificateName.Part.NODE, name);
  }

  public Secrets router(String name) {
    return of(CertificateName.Part.ROUTER, name);
  }

  public Secrets monitor(String name) {
    return of(CertificateName.Part.MONITOR, name);
  }

  /// Those of a principal with a certificate.
  public Secrets client(String principal) {
    return of(CertificateName.Part.CLIENT, principal);
  }

  private Secrets of(CertificateName.Part part, String name) {
    return of(new CertificateName(cluster, part, name));
  }

  /// Those of anybody, also of another cluster.
  public Secrets of(CertificateName name) {
    return write(name, issue(name, authority, Instant.now().plus(LIFE)));
  }

  /// The same with a certificate that ended an hour ago.
  public Secrets expired(CertificateName name) {
    return write(name, issue(name, authority, Instant.now().minus(Duration.ofHours(1))));
  }

  /// The same with a certificate that ends then.
  public Secrets ending(CertificateName name, Instant until) {
    return write(name, issue(name, authority, until));
  }

  /// The same with a certificate that another authority signed, which nobody else here believes.
  public Secrets foreign(CertificateName name) {
    X509Bundle other = authority("CN=another authority");
    return write(name, issue(name, other, Instant.now().plus(LIFE)));
  }

  /// What a user has: `ca.crt`, `admin.key`, `curve.key`, `curve-server.pub`, `session.key`.
  public Path user() {
    Path user = newFolder("user");
    write(user, Secrets.AUTHORITIES, authority.getCertificatePEM());
    write(user, "admin.key", administrator.text() + "\n");
    write(user, Secrets.CURVE_KEY, known("operator").lines());
    write(user, "curve-server.pub", server.publicKey + "\n");
    write(user, Secrets.SESSION_KEY, sessionKey + "\n");
    return user;
  }

  // What is in them.

  /// Of the administrator whose key is in all of `access.keys`.
  public ApiKey administrator() {
    return administrator;
  }

  /// The pair of all control planes.
  public CurvePair curveServer() {
    return server;
  }

  /// One of the pairs in `curve.known`: `node`, `monitor` or `operator`.
  public CurvePair known(String name) {
    CurvePair pair = known.get(name);
    if (pair == null) {
      throw new IllegalArgumentException("nobody is known as " + name);
    }
    return pair;
  }

  /// A pair that nobody knows.
  public static CurvePair strangersPair() {
    return CurvePair.mint();
  }

  /// The number of the certificate in a folder, as [AccessList#certificateId] wants it.
  public static String serialHex(Secrets secrets) {
    try (var file = Files.newInputStream(secrets.file(Secrets.CERTIFICATE))) {
      var certificate =
          (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(file);
      return certificate.getSerialNumber().toString(16);
    } catch (IOException | GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  /// A TLS client that shows the certificate in a folder to whoever asks for one, also to a server
  /// that would not believe it, and believes every server: as somebody with bad intent may.
  public static SslContext stubborn(Secrets secrets) {
    try (var file = Files.newInputStream(secrets.file(Secrets.CERTIFICATE))) {
      X509Certificate[] chain =
          CertificateFactory.getInstance("X.509")
              .generateCertificates(file)
              .toArray(X509Certificate[]::new);
      String pem = Files.readString(secrets.file(Secrets.PRIVATE_KEY));
      PrivateKey key =
          KeyFactory.getInstance("EC")
              .generatePrivate(
                  new PKCS8EncodedKeySpec(
                      Base64.getMimeDecoder().decode(pem.replaceAll("-----.*-----", ""))));
      return SslContextBuilder.forClient()
          .sslProvider(SslProvider.JDK)
          .keyManager(new Stubborn(chain, key))
          .trustManager(InsecureTrustManagerFactory.INSTANCE)
          .endpointIdentificationAlgorithm(null)
          .protocols("TLSv1.3")
          .build();
    } catch (IOException | GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static final class Stubborn extends X509ExtendedKeyManager {
    private final X509Certificate[] chain;
    private final PrivateKey key;

    Stubborn(X509Certificate[] chain, PrivateKey key) {
      this.chain = chain;
      this.key = key;
    }

    @Override
    public String[] getClientAliases(String keyType, Principal[] issuers) {
      return new String[] {"it"};
    }

    @Override
    public String chooseClientAlias(String[] keyTypes, Principal[] issuers, Socket socket) {
      return "it";
    }

    @Override
    public String chooseEngineClientAlias(
        String[] keyTypes, Principal[] issuers, SSLEngine engine) {
      return "it";
    }

    @Override
    public String[] getServerAliases(String keyType, Principal[] issuers) {
      return new String[0];
    }

    @Override
    public String chooseServerAlias(String keyType, Principal[] issuers, Socket socket) {
      throw new IllegalStateException("this is no server");
    }

    @Override
    public X509Certificate[] getCertificateChain(String alias) {
      return chain.clone();
    }

    @Override
    public PrivateKey getPrivateKey(String alias) {
      return key;
    }
  }

  // Changes.

  /// Gives a folder another certificate in the place of its own, by the same authority.
  public void renew(Secrets secrets, CertificateName name) {
    X509Bundle issued = issue(name, authority, Instant.now().plus(LIFE));
    replace(secrets, Secrets.PRIVATE_KEY, issued.getPrivateKeyPEM());
    replace(secrets, Secrets.CERTIFICATE, issued.getCertificatePathPEM());
  }

  /// Waits until a process shows the certificate that its folder has now, on a port of this
  /// machine.
  public static void awaitShown(Secrets secrets, int port) {
    SSLContext context = ((JdkSslContext) stubborn(secrets)).context();
    String wanted = serialHex(secrets);
    String shown = "";
    while (!shown.equals(wanted)) {
      try (SSLSocket socket =
          (SSLSocket) context.getSocketFactory().createSocket("127.0.0.1", port)) {
        socket.startHandshake();
        X509Certificate of = (X509Certificate) socket.getSession().getPeerCertificates()[0];
        shown = of.getSerialNumber().toString(16);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /// Puts a text in the place of a file at once, and makes sure that its time is another.
  public static void replace(Secrets secrets, String name, String text) {
    try {
      Path file = secrets.file(name);
      FileTime before = Files.getLastModifiedTime(file);
      Path draft = secrets.file(name + ".new");
      Files.writeString(draft, text);
      Files.setLastModifiedTime(draft, FileTime.fromMillis(before.toMillis() + 1_000));
      Files.move(draft, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  // How it is made.

  private Secrets write(CertificateName name, X509Bundle issued) {
    String part = name.part().name().toLowerCase(Locale.ROOT);
    Path to = newFolder(part);
    write(to, Secrets.AUTHORITIES, authority.getCertificatePEM());
    write(to, Secrets.CERTIFICATE, issued.getCertificatePathPEM());
    write(to, Secrets.PRIVATE_KEY, issued.getPrivateKeyPEM());
    CurvePair own =
        switch (name.part()) {
          case NODE, MONITOR -> known(part);
          case ROUTER -> CurvePair.mint(); // has nothing to say to control planes
          case CLIENT -> known("operator");
        };
    write(to, Secrets.CURVE_KEY, own.lines());
    write(to, Secrets.CURVE_SERVER_KEY, server.lines());
    StringBuilder lines = new StringBuilder();
    known.forEach((who, pair) -> lines.append(pair.publicKey + " " + who + "\n"));
    write(to, Secrets.CURVE_KNOWN, lines.toString());
    write(
        to,
        Secrets.ACCESS_KEYS,
        administratorRecord.id() + " " + administratorRecord.text() + "\n");
    write(to, Secrets.SESSION_KEY, sessionKey + "\n");
    return new Secrets(to);
  }

  private synchronized Path newFolder(String name) {
    try {
      return Files.createDirectories(folder.resolve(name + "-" + ++folders));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void write(Path folder, String name, String text) {
    try {
      Files.writeString(folder.resolve(name), text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static X509Bundle authority(String subject) {
    try {
      return new CertificateBuilder()
          .subject(subject)
          .ecp256()
          .setIsCertificateAuthority(true)
          .notAfter(Instant.now().plus(LIFE))
          .buildSelfSigned();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static X509Bundle issue(CertificateName name, X509Bundle authority, Instant until) {
    try {
      return new CertificateBuilder()
          .subject("CN=" + (name.name().equals("*") ? "any" : name.name()))
          .ecp256()
          .notBefore(until.minus(Duration.ofDays(30)))
          .notAfter(until)
          .addSanUriName(URI.create(name.uri()))
          .addSanDnsName("localhost")
          .addSanIpAddress("127.0.0.1")
          .addExtendedKeyUsageServerAuth()
          .addExtendedKeyUsageClientAuth()
          .buildIssuedBy(authority);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static String token() {
    byte[] bytes = new byte[32];
    RANDOM.nextBytes(bytes);
    return HexFormat.of().formatHex(bytes);
  }

  private static byte[] littleEndian(BigInteger number) {
    byte[] big = number.toByteArray();
    byte[] little = new byte[32];
    for (int i = 0; i < Math.min(32, big.length); i++) {
      little[i] = big[big.length - 1 - i];
    }
    return little;
  }

  /// ZeroMQ RFC 32.
  private static String z85(byte[] bytes) {
    String digits =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    StringBuilder text = new StringBuilder();
    for (int at = 0; at < bytes.length; at += 4) {
      long value = 0;
      for (int i = at; i < at + 4; i++) {
        value = value << 8 | (bytes[i] & 0xff);
      }
      for (long unit = 85L * 85 * 85 * 85; unit > 0; unit /= 85) {
        text.append(digits.charAt((int) (value / unit % 85)));
      }
    }
    return text.toString();
  }
}
