package dev.trellis.access;

import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Whose a certificate is: a URI among its alternative names, `trellis://CLUSTER/PART/NAME`. The
/// authority that signed it vouches for it; the cluster is named, since one authority may serve
/// several.
///
/// @param cluster its name
/// @param name of the node, router, monitor or principal; `*` for any, where many share a
///   certificate
public record CertificateName(String cluster, Part part, String name) {
  /// What it takes part as.
  public enum Part {
    NODE,
    ROUTER,
    MONITOR,
    /// A principal that has a certificate instead of an API key.
    CLIENT
  }

  private static final int URI_NAME = 6; // RFC 5280, GeneralName
  private static final Pattern URI =
      Pattern.compile("trellis://([^/]{1,192})/(node|router|monitor|client)/([^/]{1,64})");

  /// Reads one; empty if the text is none.
  public static Optional<CertificateName> parse(String uri) {
    Matcher matcher = URI.matcher(uri);
    return matcher.matches()
        ? Optional.of(
            new CertificateName(
                matcher.group(1),
                Part.valueOf(matcher.group(2).toUpperCase(Locale.ROOT)),
                matcher.group(3)))
        : Optional.empty();
  }

  /// The one that a certificate has; empty if it names no part of a cluster. Says nothing of who
  /// signed it.
  public static Optional<CertificateName> of(X509Certificate certificate) {
    try {
      Collection<List<?>> names = certificate.getSubjectAlternativeNames();
      return names == null
          ? Optional.empty()
          : names.stream()
              .filter(name -> name.size() > 1 && Integer.valueOf(URI_NAME).equals(name.get(0)))
              .flatMap(name -> parse(String.valueOf(name.get(1))).stream())
              .findFirst();
    } catch (CertificateParsingException e) {
      return Optional.empty();
    }
  }

  /// Whether it stands for this one.
  public boolean isOf(String someCluster, Part somePart, String someName) {
    return cluster.equals(someCluster)
        && part == somePart
        && (name.equals("*") || name.equals(someName));
  }

  /// As it stands in a certificate.
  public String uri() {
    return "trellis://" + cluster + "/" + part.name().toLowerCase(Locale.ROOT) + "/" + name;
  }
}
