package dev.trellis.process;

import java.time.InstantSource;

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
}
