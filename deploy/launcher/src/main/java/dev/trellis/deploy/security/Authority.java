package dev.trellis.deploy.security;

import dev.trellis.access.CertificateName;
import java.io.IOException;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x500.style.IETFUtils;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509ExtensionUtils;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/// Who signs the certificates of a cluster: ECDSA over P-256, with SHA-256. The only class that
/// knows Bouncy Castle.
final class Authority {
  /// Clocks of others may be slower.
  private static final Duration EARLIER = Duration.ofHours(1);

  private static final int SERIAL_BYTES = 16;

  private final X509Certificate certificate;
  private final PrivateKey key;

  private Authority(X509Certificate certificate, PrivateKey key) {
    this.certificate = certificate;
    this.key = key;
  }

  /// A certificate and its private key.
  record Issued(X509Certificate certificate, PrivateKey key) {}

  /// Makes up one. It may sign for another that takes its place, and for no one else but ends.
  static Authority mint(String cluster, Instant now, Duration life, SecureRandom random) {
    try {
      KeyPair pair = pair(random);
      BigInteger serial = serial(random);
      X500Name subject = // differs from that of the next one
          name(cluster, "Trellis authority " + HexFormat.of().toHexDigits(serial.longValue(), 8));
      return new Authority(
          authority(subject, pair.getPublic(), subject, pair, serial, now, life, 1),
          pair.getPrivate());
    } catch (GeneralSecurityException | OperatorCreationException | IOException e) {
      throw new IllegalStateException("cannot make an authority", e);
    }
  }

  /// One that was made before.
  ///
  /// @throws IllegalArgumentException if the key does not belong to the certificate
  static Authority of(X509Certificate certificate, PrivateKey key) {
    try {
      Signature signature = Signature.getInstance("SHA256withECDSA");
      byte[] sample = certificate.getSignature();
      signature.initSign(key);
      signature.update(sample);
      byte[] signed = signature.sign();
      signature.initVerify(certificate.getPublicKey());
      signature.update(sample);
      if (!signature.verify(signed)) {
        throw new IllegalArgumentException(
            "the private key of the authority is not that of its certificate");
      }
      return new Authority(certificate, key);
    } catch (GeneralSecurityException e) {
      throw new IllegalArgumentException(
          "the private key of the authority is not that of its certificate", e);
    }
  }

  X509Certificate certificate() {
    return certificate;
  }

  PrivateKey key() {
    return key;
  }

  /// The cluster that it is of.
  String cluster() {
    try {
      X500Name subject = new JcaX509CertificateHolder(certificate).getSubject();
      return IETFUtils.valueToString(subject.getRDNs(BCStyle.O)[0].getFirst().getValue());
    } catch (GeneralSecurityException | IndexOutOfBoundsException e) {
      throw new IllegalArgumentException("the certificate of the authority names no cluster", e);
    }
  }

  /// Signs a certificate for a process or a client, with a key of its own.
  ///
  /// @param hosts names and addresses that it is reached by
  Issued issue(
      CertificateName name, List<String> hosts, Instant now, Duration life, SecureRandom random) {
    try {
      KeyPair pair = pair(random);
      X509v3CertificateBuilder builder =
          builder(
              name(name.cluster(), subject(name)),
              pair.getPublic(),
              certificate.getSubjectX500Principal().getEncoded(),
              serial(random),
              now,
              now.plus(life));
      List<GeneralName> names = new ArrayList<>();
      names.add(new GeneralName(GeneralName.uniformResourceIdentifier, name.uri()));
      for (String host : hosts) {
        names.add(
            new GeneralName(
                Hosts.isAddress(host) ? GeneralName.iPAddress : GeneralName.dNSName, host));
      }
      JcaX509ExtensionUtils extensions = new JcaX509ExtensionUtils();
      builder
          .addExtension(
              Extension.subjectAlternativeName,
              false,
              new GeneralNames(names.toArray(GeneralName[]::new)))
          .addExtension(Extension.basicConstraints, true, new BasicConstraints(false))
          .addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature))
          .addExtension(
              Extension.extendedKeyUsage,
              false,
              new ExtendedKeyUsage(
                  name.part() == CertificateName.Part.CLIENT
                      ? new KeyPurposeId[] {KeyPurposeId.id_kp_clientAuth}
                      : new KeyPurposeId[] {
                        KeyPurposeId.id_kp_serverAuth, KeyPurposeId.id_kp_clientAuth
                      }))
          .addExtension(
              Extension.authorityKeyIdentifier,
              false,
              extensions.createAuthorityKeyIdentifier(certificate.getPublicKey()));
      return new Issued(sign(builder, key), pair.getPrivate());
    } catch (GeneralSecurityException | OperatorCreationException | IOException e) {
      throw new IllegalStateException("cannot make a certificate for " + name.uri(), e);
    }
  }

  /// A certificate for the authority that takes the place of this one: by it, those who do not know
  /// the next one yet believe what it signs.
  X509Certificate vouchFor(Authority next, Instant now, SecureRandom random) {
    try {
      Instant end = certificate.getNotAfter().toInstant();
      return authority(
          new JcaX509CertificateHolder(next.certificate).getSubject(),
          next.certificate.getPublicKey(),
          new JcaX509CertificateHolder(certificate).getSubject(),
          new KeyPair(certificate.getPublicKey(), key),
          serial(random),
          now,
          Duration.between(now, end),
          0);
    } catch (GeneralSecurityException | OperatorCreationException | IOException e) {
      throw new IllegalStateException("cannot vouch for another authority", e);
    }
  }

  private static X509Certificate authority(
      X500Name subject,
      PublicKey subjectKey,
      X500Name issuer,
      KeyPair signer,
      BigInteger serial,
      Instant now,
      Duration life,
      int authoritiesBelow)
      throws GeneralSecurityException, OperatorCreationException, IOException {
    JcaX509ExtensionUtils extensions = new JcaX509ExtensionUtils();
    X509v3CertificateBuilder builder =
        builder(subject, subjectKey, issuer.getEncoded(), serial, now, now.plus(life));
    builder
        .addExtension(Extension.basicConstraints, true, new BasicConstraints(authoritiesBelow))
        .addExtension(
            Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign))
        .addExtension(
            Extension.subjectKeyIdentifier,
            false,
            extensions.createSubjectKeyIdentifier(subjectKey))
        .addExtension(
            Extension.authorityKeyIdentifier,
            false,
            extensions.createAuthorityKeyIdentifier(signer.getPublic()));
    return sign(builder, signer.getPrivate());
  }

  private static X509v3CertificateBuilder builder(
      X500Name subject,
      PublicKey key,
      byte[] issuer,
      BigInteger serial,
      Instant now,
      Instant until) {
    return new JcaX509v3CertificateBuilder(
        X500Name.getInstance(issuer),
        serial,
        Date.from(now.minus(EARLIER)),
        Date.from(until),
        subject,
        key);
  }

  private static X509Certificate sign(X509v3CertificateBuilder builder, PrivateKey key)
      throws GeneralSecurityException, OperatorCreationException {
    return new JcaX509CertificateConverter()
        .getCertificate(builder.build(new JcaContentSignerBuilder("SHA256withECDSA").build(key)));
  }

  private static KeyPair pair(SecureRandom random) throws GeneralSecurityException {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec("secp256r1"), random);
    return generator.generateKeyPair();
  }

  /// Positive, and not zero: what nobody can guess.
  private static BigInteger serial(SecureRandom random) {
    byte[] bytes = new byte[SERIAL_BYTES];
    random.nextBytes(bytes);
    bytes[0] = (byte) ((bytes[0] & 0x3f) | 0x40);
    return new BigInteger(1, bytes);
  }

  private static String subject(CertificateName name) {
    String shown = name.part().name().toLowerCase(Locale.ROOT) + " " + name.name();
    return shown.substring(0, Math.min(shown.length(), 64)); // X.520, ub-common-name
  }

  private static X500Name name(String cluster, String commonName) {
    return new X500NameBuilder(BCStyle.INSTANCE)
        .addRDN(BCStyle.O, cluster)
        .addRDN(BCStyle.CN, commonName)
        .build();
  }
}
