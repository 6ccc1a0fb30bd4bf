package dev.trellis.process;

import dev.trellis.access.AccessList;
import dev.trellis.access.AccessList.Authentication;
import dev.trellis.access.Allowance;
import dev.trellis.access.ApiKey;
import dev.trellis.access.Caller;
import dev.trellis.access.CertificateName;
import dev.trellis.access.Grant;
import dev.trellis.access.KeyRecord;
import dev.trellis.access.Rights;
import dev.trellis.access.Role;
import dev.trellis.access.SecretHash;
import dev.trellis.lattice.Payload;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Says who is at the door of a process, by the newest list of principals that has reached it. For
/// any thread.
public final class Doorkeeper {
  /// Whose certificate was shown, once it is known to be signed by an authority of the cluster.
  ///
  /// @param serialHex its number, in hexadecimal digits
  /// @param expiresMillis when it ends, since the epoch; 0 for never
  public record Certificate(CertificateName name, String serialHex, long expiresMillis) {
    /// One that never ends.
    public Certificate(CertificateName name, String serialHex) {
      this(name, serialHex, 0);
    }
  }

  /// What somebody was known by. There is no secret in it, so that it may be kept for as long as he
  /// stays, and looked at again when the list changes.
  public sealed interface Proof {
    /// He had the secret of an API key.
    ///
    /// @param hash as it was kept then
    record OfKey(String id, SecretHash hash) implements Proof {}

    /// He had the private key of a certificate.
    record OfCertificate(Certificate certificate) implements Proof {}
  }

  /// Who came, and by what he is known.
  ///
  /// @param proof empty for who is not
  public record Visit(Authentication authentication, Optional<Proof> proof) {}

  /// What nodes and routers need as clients: who is who. Replicas tell each other things on
  /// connections of their own.
  private static final Rights LISTENER =
      Rights.of(List.of(new Grant(AccessList.KEY, Set.of(Role.READ))));

  private static final Logger LOG = LoggerFactory.getLogger(Doorkeeper.class);
  private static final long LOOK_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final String cluster;
  private final Supplier<List<KeyRecord>> administratorsNow; // as their file is
  private final List<Runnable> listeners = new CopyOnWriteArrayList<>();
  private List<KeyRecord> administrators; // under the lock of this
  private AccessList stored = AccessList.EMPTY; // likewise
  private volatile AccessList list; // of both; replaced by whoever hears of a new one
  private volatile boolean heard; // whether one came from the store
  private volatile long lookedNanos = System.nanoTime(); // when the administrators were read

  /// Knows these administrators, until it hears of more.
  public Doorkeeper(String cluster, List<KeyRecord> administrators) {
    this(cluster, () -> administrators);
  }

  private Doorkeeper(String cluster, Supplier<List<KeyRecord>> administratorsNow) {
    this.cluster = cluster;
    this.administratorsNow = administratorsNow;
    this.administrators = List.copyOf(administratorsNow.get());
    this.list = stored.withAdministrators(administrators);
  }

  /// Knows the administrators of the secrets, and hears of more. Where their file changes, that
  /// counts from the next visit on that comes a second later, for those too who are in already.
  ///
  /// @throws ConfigurationException if the file is not what it should be
  public static Doorkeeper of(String cluster, Secrets secrets) {
    return new Doorkeeper(cluster, secrets::administrators);
  }

  /// Goes by another list from now on, and tells the listeners.
  ///
  /// @param newest as the cluster keeps it
  public void heard(AccessList newest) {
    synchronized (this) {
      stored = newest;
      list = newest.withAdministrators(administrators);
      heard = true;
    }
    listeners.forEach(Runnable::run);
  }

  private void lookAtAdministrators() {
    long now = System.nanoTime();
    if (now - lookedNanos <= LOOK_NANOS) {
      return;
    }
    lookedNanos = now;
    try {
      List<KeyRecord> found = List.copyOf(administratorsNow.get());
      synchronized (this) {
        if (found.equals(administrators)) {
          return;
        }
        administrators = found;
        list = stored.withAdministrators(found);
      }
      LOG.info("administrators were read anew: {} keys", found.size());
      listeners.forEach(Runnable::run);
    } catch (ConfigurationException e) {
      // Perhaps half of the file is there yet: those that were good are.
      LOG.warn("administrators stay as they are: {}", e.getMessage());
    }
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
    return visit(credentials, certificate, nowMillis).authentication();
  }

  /// As [#authenticate(Payload, Optional, long)], of somebody who stays.
  public Visit visit(Payload credentials, Optional<Certificate> certificate, long nowMillis) {
    lookAtAdministrators();
    AccessList now = list;
    if (certificate.isPresent() && credentials.isEmpty()) {
      Authentication known = authenticate(now, certificate.get(), nowMillis);
      return known instanceof Authentication.Known
          ? new Visit(known, Optional.of(new Proof.OfCertificate(certificate.get())))
          : new Visit(known, Optional.empty());
    }
    Authentication known = now.authenticate(credentials, nowMillis);
    return known instanceof Authentication.Known
        ? new Visit(
            known,
            now.key(ApiKey.parse(credentials.text()).id())
                .map(key -> new Proof.OfKey(key.id(), key.hash())))
        : new Visit(known, Optional.empty());
  }

  /// Who it is by now who was known before.
  public Authentication authenticate(Proof proof, long nowMillis) {
    return switch (proof) {
      case Proof.OfKey(String id, SecretHash hash) -> list.authenticateAgain(id, hash, nowMillis);
      case Proof.OfCertificate(Certificate certificate) ->
          authenticate(list, certificate, nowMillis);
    };
  }

  /// Why a certificate does not show that its owner is this node; empty if it does.
  ///
  /// @param certificate empty if none was shown
  public Optional<String> objection(
      Optional<Certificate> certificate, String nodeId, long nowMillis) {
    if (certificate.isEmpty()) {
      return Optional.of("node " + nodeId + " must show a certificate of a node, and showed none");
    }
    CertificateName name = certificate.get().name();
    if (!name.isOf(cluster, CertificateName.Part.NODE, nodeId)) {
      return Optional.of(
          "the certificate is of "
              + name.uri()
              + ", which is not node "
              + nodeId
              + " of cluster '"
              + cluster
              + "'");
    }
    return authenticate(list, certificate.get(), nowMillis)
            instanceof Authentication.Unknown(String reason)
        ? Optional.of(reason)
        : Optional.empty();
  }

  private Authentication authenticate(AccessList list, Certificate certificate, long nowMillis) {
    CertificateName name = certificate.name();
    if (!name.cluster().equals(cluster)) {
      return new Authentication.Unknown(
          "the certificate is of cluster '" + name.cluster() + "', this is '" + cluster + "'");
    }
    if (list.isRevoked(AccessList.certificateId(certificate.serialHex()))) {
      return new Authentication.Unknown(
          "the certificate with number " + certificate.serialHex() + " was revoked");
    }
    if (certificate.expiresMillis() != 0 && certificate.expiresMillis() <= nowMillis) {
      return new Authentication.Unknown(
          "the certificate with number " + certificate.serialHex() + " has expired");
    }
    return new Authentication.Known(
        switch (name.part()) {
          case NODE -> new Caller("peer", LISTENER, Allowance.UNLIMITED);
          case ROUTER -> new Caller("router", LISTENER, Allowance.UNLIMITED);
          case MONITOR -> new Caller("monitor", Rights.ALL, Allowance.UNLIMITED);
          case CLIENT -> list.principal(name.name());
        },
        certificate.expiresMillis());
  }
}
