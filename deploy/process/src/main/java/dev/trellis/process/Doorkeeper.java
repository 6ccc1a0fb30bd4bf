package dev.trellis.process;

import dev.trellis.access.AccessList;
import dev.trellis.access.AccessList.Authentication;
import dev.trellis.access.Allowance;
import dev.trellis.access.Caller;
import dev.trellis.access.CertificateName;
import dev.trellis.access.Grant;
import dev.trellis.access.KeyRecord;
import dev.trellis.access.Rights;
import dev.trellis.access.Role;
import dev.trellis.lattice.Payload;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;

/// Says who is at the door of a process, by the newest list of principals that has reached it. For
/// any thread.
public final class Doorkeeper {
  /// Whose certificate was shown, once it is known to be signed by an authority of the cluster.
  ///
  /// @param serialHex its number, in hexadecimal digits
  public record Certificate(CertificateName name, String serialHex) {}

  private static final Rights ROUTER =
      Rights.of(List.of(new Grant(AccessList.KEY, Set.of(Role.READ))));

  private final String cluster;
  private final List<KeyRecord> administrators;
  private final List<Runnable> listeners = new CopyOnWriteArrayList<>();
  private volatile AccessList list; // replaced by whoever hears of a new one
  private volatile boolean heard; // whether that came from the store

  /// Knows the administrators of the secrets, until it hears of more.
  public Doorkeeper(String cluster, List<KeyRecord> administrators) {
    this.cluster = cluster;
    this.administrators = List.copyOf(administrators);
    this.list = AccessList.EMPTY.withAdministrators(this.administrators);
  }

  /// Goes by another list from now on, and tells the listeners.
  ///
  /// @param stored as the cluster keeps it
  public void heard(AccessList stored) {
    list = stored.withAdministrators(administrators);
    heard = true;
    listeners.forEach(Runnable::run);
  }

  /// Whether a list has come from the store yet. Until then nobody but those with certificates of
  /// the cluster's own processes and administrators of the secrets is known, which is no reason to
  /// call others unknown.
  public boolean hasHeard() {
    return heard;
  }

  /// The list it goes by.
  public AccessList list() {
    return list;
  }

  /// Calls a listener after each change, on the thread that brought it; it must not wait.
  public void onChange(Runnable listener) {
    listeners.add(listener);
  }

  /// Who shows these. An API key counts before a certificate.
  ///
  /// @param credentials as they came; empty for none
  public Authentication authenticate(
      Payload credentials, Optional<Certificate> certificate, long nowMillis) {
    if (certificate.isEmpty() || !credentials.isEmpty()) {
      return list.authenticate(credentials, nowMillis);
    }
    CertificateName name = certificate.get().name();
    if (!name.cluster().equals(cluster)) {
      return new Authentication.Unknown(
          "the certificate is of cluster '" + name.cluster() + "', this is '" + cluster + "'");
    }
    if (list.isRevoked(AccessList.certificateId(certificate.get().serialHex()))) {
      return new Authentication.Unknown(
          "the certificate with number " + certificate.get().serialHex() + " was revoked");
    }
    return new Authentication.Known(
        switch (name.part()) {
          case NODE -> Caller.PEER;
          case ROUTER -> new Caller("router", ROUTER, Allowance.UNLIMITED);
          case MONITOR -> new Caller("monitor", Rights.ALL, Allowance.UNLIMITED);
          case CLIENT -> list.principal(name.name());
        },
        0);
  }
}
