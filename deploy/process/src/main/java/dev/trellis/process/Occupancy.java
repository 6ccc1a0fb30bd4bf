package dev.trellis.process;

import dev.trellis.access.Caller;
import dev.trellis.access.CertificateName;
import dev.trellis.process.Doorkeeper.Proof;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/// How many connections each principal has to a node, all its shards together, or to a port of a
/// router. For any thread.
public final class Occupancy {
  /// Connections beyond the limit that there is room for, for those who are preferred.
  public static final int PLACES_KEPT = 64;

  private final Map<String, Long> connections = new HashMap<>(); // by principal; guarded by this

  /// Whether there are places kept for somebody: for administrators and for the cluster's own
  /// processes, whom nobody else may shut out by taking all there are.
  ///
  /// @param proof by which he is known
  public static boolean isPreferred(Caller caller, Optional<Proof> proof) {
    return caller.rights().administer()
        || (proof.isPresent()
            && proof.get() instanceof Proof.OfCertificate(Doorkeeper.Certificate certificate)
            && certificate.name().part() != CertificateName.Part.CLIENT);
  }

  /// How many connections somebody may have where there are so many places: what his allowance
  /// says; and not more than half of them, but for those for whom places are kept, so that nobody
  /// can take all there are by himself.
  ///
  /// @return 0 for any number
  public static long most(Caller caller, boolean isPreferred, int places) {
    long allowed = caller.allowance().connections();
    long half = Math.max(1, places / 2);
    if (isPreferred) {
      return allowed;
    }
    return allowed == 0 ? half : Math.min(allowed, half);
  }

  /// Counts one more, if there may be.
  ///
  /// @param most 0 for any number
  public synchronized boolean enter(String principal, long most) {
    long known = connections.getOrDefault(principal, 0L);
    if (most != 0 && known >= most) {
      return false;
    }
    connections.put(principal, known + 1);
    return true;
  }

  /// Counts one less.
  public synchronized void leave(String principal) {
    connections.computeIfPresent(principal, (name, known) -> known == 1 ? null : known - 1);
  }
}
