package dev.trellis.process;

import dev.trellis.access.CertificateName;
import java.time.InstantSource;
import java.util.Optional;

/// What a process protects itself with, where security is on.
public record Protection(Secrets secrets, Tls tls, Doorkeeper doorkeeper, AuditLog audit) {
  /// Reads the secrets.
  ///
  /// @param cluster its name
  /// @param process for the audit log, such as `node n1`
  /// @throws ConfigurationException if they are not what they should be
  public static Protection of(
      Secrets secrets, String cluster, String process, InstantSource clock) {
    return new Protection(
        secrets, Tls.of(secrets), new Doorkeeper(cluster, secrets), new AuditLog(process, clock));
  }

  /// The same for a node, whose certificate must say that it is that: with another it would join,
  /// and no client and no replica would speak to it.
  ///
  /// @throws ConfigurationException if it does not, too
  public static Protection ofNode(
      Secrets secrets, String cluster, String nodeId, InstantSource clock) {
    Protection protection = of(secrets, cluster, "node " + nodeId, clock);
    CertificateName wanted = new CertificateName(cluster, CertificateName.Part.NODE, nodeId);
    Optional<CertificateName> found = Tls.nameIn(secrets);
    if (!found.map(name -> name.isOf(cluster, CertificateName.Part.NODE, nodeId)).orElse(false)) {
      throw new ConfigurationException(
          "the certificate in "
              + secrets.file(Secrets.CERTIFICATE)
              + " is of "
              + found.map(CertificateName::uri).orElse("no part of a cluster")
              + ", and this node is "
              + wanted.uri()
              + " by cluster.name and node.id: set secrets.folder to the folder of this node, or"
              + " these two to what the certificate says");
    }
    return protection;
  }
}
