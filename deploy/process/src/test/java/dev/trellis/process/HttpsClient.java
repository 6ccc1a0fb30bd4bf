package dev.trellis.process;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Optional;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/// What a client of HTTPS needs that knows the authority of a cluster, by the JDK's means, as other
/// programs have theirs.
public final class HttpsClient {
  private HttpsClient() {}

  /// Makes one for TLS 1.3.
  ///
  /// @param trusted whose `ca.crt` is believed
  /// @param shown whose certificate is shown, if any
  public static SSLContext context(Secrets trusted, Optional<Secrets> shown) {
    try {
      KeyStore authorities = KeyStore.getInstance("PKCS12");
      authorities.load(null, null);
      authorities.setCertificateEntry("ca", certificates(trusted, Secrets.AUTHORITIES)[0]);
      TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
      trust.init(authorities);
      KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
      KeyStore own = KeyStore.getInstance("PKCS12");
      own.load(null, null);
      if (shown.isPresent()) {
        own.setKeyEntry(
            "own",
            privateKey(shown.get()),
            new char[0],
            certificates(shown.get(), Secrets.CERTIFICATE));
      }
      keys.init(own, new char[0]);
      SSLContext context = SSLContext.getInstance("TLSv1.3");
      context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
      return context;
    } catch (IOException | GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Certificate[] certificates(Secrets secrets, String file)
      throws IOException, GeneralSecurityException {
    try (InputStream in = Files.newInputStream(secrets.file(file))) {
      return CertificateFactory.getInstance("X.509")
          .generateCertificates(in)
          .toArray(Certificate[]::new);
    }
  }

  private static PrivateKey privateKey(Secrets secrets)
      throws IOException, GeneralSecurityException {
    String pem = Files.readString(secrets.file(Secrets.PRIVATE_KEY));
    byte[] bytes = Base64.getMimeDecoder().decode(pem.replaceAll("-----.*-----", ""));
    return KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(bytes));
  }
}
