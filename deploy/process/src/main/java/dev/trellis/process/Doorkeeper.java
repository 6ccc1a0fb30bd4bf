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
import dev.trellis.lattice.VisibleText;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.nio.file.Files;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Says who is at the door of a process, by the newest list of principals that has reached it. For
/// any thread.
///
/// Until the first has come, from the store, nobody knows who was revoked. Then those are let in
/// without whom it cannot come, by certificates of nodes and routers; whoever else might be known
/// is *early*, and has to come again: administrators of the secrets and monitors too. That ends
/// with the list alone, and with no time: else whoever keeps the list away would have the door
/// opened. A cluster that has no list says that it has none, and that is one.
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
  /// @param isEarly whether he is not known just because nobody is yet, and may come again; then he
  ///   is [Authentication.Unknown]
  public record Visit(Authentication authentication, Optional<Proof> proof, boolean isEarly) {}

  /// What nodes and routers need as clients: who is who. Replicas tell each other things on
  /// connections of their own.
  private static final Rights LISTENER =
      Rights.of(List.of(new Grant(AccessList.KEY, Set.of(Role.READ))));

  /// What who is early is told.
  private static final String EARLY =
      "this process has not heard yet who is known to the cluster, and who was revoked; come again"
          + " in a moment";

  private static final Logger LOG = LoggerFactory.getLogger(Doorkeeper.class);
  private static final long LOOK_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final String cluster;
  private final Optional<Secrets> secrets; // from which administrators come, if they may change
  private final List<Runnable> listeners = new CopyOnWriteArrayList<>();
  private volatile AccessList list; // replaced by whoever hears of a new one
  private volatile boolean heard; // whether that came from the store; set after it
  private final long madeNanos = System.nanoTime();
  private volatile long lookedNanos = System.nanoTime(); // at the file of administrators
  private AccessList stored = AccessList.EMPTY; // guarded by this, as what follows
  private List<KeyRecord> administrators;
  private Optional<FileTime> changed;

  /// Knows these administrators, until it hears of more.
  public Doorkeeper(String cluster, List<KeyRecord> administrators) {
    this(cluster, Optional.empty(), Optional.empty(), administrators);
  }

  /// Knows the administrators of the secrets, of which the file is read anew when it changes.
  ///
  /// @throws ConfigurationException if it cannot be read
  public Doorkeeper(String cluster, Secrets secrets) {
    // The time first: what changes meanwhile is read once more.
    this(cluster, Optional.of(secrets), changed(secrets), secrets.administrators());
    keepLooking(new WeakReference<>(this));
  }

  /// Looks at the file once a second for as long as somebody uses the doorkeeper: whoever is not an
  /// administrator any more may be connected, and nobody else come.
  private static void keepLooking(WeakReference<Doorkeeper> whose) {
    Thread.ofVirtual()
        .name("access-keys")
        .start(
            () -> {
              do {
                LockSupport.parkNanos(LOOK_NANOS);
              } while (hasLooked(whose));
            });
  }

  private static boolean hasLooked(WeakReference<Doorkeeper> whose) {
    Doorkeeper doorkeeper = whose.get();
    if (doorkeeper == null) {
      return false;
    }
    doorkeeper.look();
    return true;
  }

  private Doorkeeper(
      String cluster,
      Optional<Secrets> secrets,
      Optional<FileTime> changed,
      List<KeyRecord> administrators) {
    this.cluster = cluster;
    this.secrets = secrets;
    this.administrators = List.copyOf(administrators);
    this.changed = changed;
    this.list = AccessList.EMPTY.withAdministrators(this.administrators);
  }

  private static Optional<FileTime> changed(Secrets secrets) {
    try {
      return Optional.of(Files.getLastModifiedTime(secrets.file(Secrets.ACCESS_KEYS)));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /// Goes by another list from now on, and tells the listeners.
  ///
  /// @param stored as the cluster keeps it
  public void heard(AccessList stored) {
    synchronized (this) {
      this.stored = stored;
      list = stored.withAdministrators(administrators);
      heard = true;
    }
    listeners.forEach(Runnable::run);
  }

  /// Looks, at most once a second, whether there are other administrators.
  private void look() {
    long now = System.nanoTime();
    if (secrets.isPresent() && now - lookedNanos > LOOK_NANOS) {
      lookedNanos = now;
      if (hasRead(secrets.get())) {
        listeners.forEach(Runnable::run);
      }
    }
  }

  private synchronized boolean hasRead(Secrets from) {
    Optional<FileTime> found = changed(from);
    if (found.equals(changed)) {
      return false;
    }
    changed = found;
    try {
      administrators = from.administrators();
      list = stored.withAdministrators(administrators);
      LOG.info("keys of administrators were read anew from {}", from.folder());
      return true;
    } catch (ConfigurationException e) {
      LOG.warn("keys of administrators stay as they are: {}", e.getMessage());
      return false;
    }
  }

  /// Why those who are known are not let in yet: no list has come from the store. Empty once one
  /// has.
  public Optional<String> unreadiness() {
    if (heard) {
      return Optional.empty();
    }
    long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - madeNanos);
    return Optional.of(
        "the list of principals has not been heard yet, for "
            + seconds
            + " s, and nobody but nodes and routers is let in before: it comes from the nodes that"
            + " keep the key "
            + AccessList.KEY.text());
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
  public Visit visit(Payload credentials, Optional<Certificate> certificate, long nowMillis) {
    look();
    boolean isHeard = heard; // before the list: what was heard is in it then
    AccessList now = list;
    if (certificate.isPresent() && credentials.isEmpty()) {
      Authentication known = authenticate(now, certificate.get(), nowMillis);
      if (!(known instanceof Authentication.Known)) {
        return new Visit(known, Optional.empty(), false);
      }
      return isHeard || carriesTheList(certificate.get())
          ? new Visit(known, Optional.of(new Proof.OfCertificate(certificate.get())), false)
          : early();
    }
    if (!isHeard && !credentials.isEmpty()) {
      return early();
    }
    Authentication known = now.authenticate(credentials, nowMillis);
    return known instanceof Authentication.Known
        ? new Visit(
            known,
            now.key(ApiKey.parse(credentials.text()).id())
                .map(key -> new Proof.OfKey(key.id(), key.hash())),
            false)
        : new Visit(known, Optional.empty(), false);
  }

  private static Visit early() {
    return new Visit(new Authentication.Unknown(EARLY), Optional.empty(), true);
  }

  /// Whether the list cannot come before its owner is let in.
  private static boolean carriesTheList(Certificate certificate) {
    return switch (certificate.name().part()) {
      case NODE, ROUTER -> true;
      case MONITOR, CLIENT -> false;
    };
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
    if (name.part() == CertificateName.Part.CLIENT && !Caller.isName(name.name())) {
      return new Authentication.Unknown(
          "the certificate is of "
              + VisibleText.of(name.uri())
              + ", and no principal has such a name");
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
