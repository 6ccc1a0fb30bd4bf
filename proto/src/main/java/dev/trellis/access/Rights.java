package dev.trellis.access;

import dev.trellis.lattice.Payload;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;

/// What one principal may do, ready to be asked for each request. Immutable.
///
/// Whatever no grant allows is refused. A grant of a prefix covers the keys that start with it, but
/// those of the system as [SystemKeys] says.
public final class Rights {
  /// None at all.
  public static final Rights NONE = new Rights(List.of());

  /// All there are.
  public static final Rights ALL = of(List.of(new Grant(Payload.EMPTY, Set.of(Role.ADMIN))));

  private final byte[][] prefixes; // short ones first: they decide most often
  private final int[] roles; // of each prefix, as bits
  private final int anyRoles; // of all of them together
  private final boolean administers; // and so may do all

  private Rights(List<Grant> grants) {
    List<Grant> sorted = new ArrayList<>(grants);
    sorted.sort(
        Comparator.comparingInt((Grant grant) -> grant.prefix().size())
            .thenComparing(Grant::prefix));
    prefixes = new byte[sorted.size()][];
    roles = new int[sorted.size()];
    int any = 0;
    int onAll = 0;
    for (int i = 0; i < prefixes.length; i++) {
      Grant grant = sorted.get(i);
      prefixes[i] = grant.prefix().toBytes();
      for (Role role : grant.roles()) {
        roles[i] |= role.bits();
      }
      any |= roles[i];
      onAll |= prefixes[i].length == 0 ? roles[i] : 0;
    }
    anyRoles = any;
    administers = (onAll & Role.ADMIN.bits()) == Role.ADMIN.bits();
  }

  /// The rights of who was given these.
  public static Rights of(List<Grant> grants) {
    return new Rights(grants);
  }

  /// Whether a key may be used so. Costs a comparison for each prefix that was granted.
  public boolean allow(Role role, Payload key) {
    if (administers) {
      return true; // without a copy of the key
    }
    byte[] bytes = key.toBytes();
    return allow(role, bytes, 0, bytes.length);
  }

  /// The same of a key that is `length` bytes of `source` from `at`.
  public boolean allow(Role role, byte[] source, int at, int length) {
    return administers || allowed(role, source, at, length);
  }

  private boolean allowed(Role role, byte[] source, int at, int length) {
    return SystemKeys.isSystem(source, at, length)
        ? allowOfSystem(role, source, at, length)
        : granted(role, source, at, length);
  }

  /// Whether all keys that start with a prefix may be used so, but those of the system that need
  /// more: those are to be left out, each as [#allow] says.
  public boolean cover(Role role, Payload prefix) {
    byte[] bytes = prefix.toBytes();
    if (SystemKeys.isSystem(bytes, 0, bytes.length)
        && SystemKeys.isShared(bytes, 0, bytes.length)) {
      return administers || grantedByName(role, bytes, 0, bytes.length);
    }
    // A key that starts with it is granted by all that grants the prefix itself.
    return allow(role, bytes, 0, bytes.length);
  }

  /// Whether the cluster may be administered.
  public boolean administer() {
    return administers;
  }

  /// Whether nothing is allowed.
  public boolean isEmpty() {
    return anyRoles == 0;
  }

  private boolean allowOfSystem(Role role, byte[] source, int at, int length) {
    if (SystemKeys.isSecret(source, at, length)) {
      return grantedAsSecret(role, source, at, length);
    }
    if (SystemKeys.isShared(source, at, length)) {
      return role != Role.ADMIN && anyRoles != 0;
    }
    int nameAt = SystemKeys.nameAt(source, at, length);
    if (nameAt >= 0 && granted(role, source, nameAt, at + length - nameAt)) {
      return true;
    }
    return grantedByName(role, source, at, length);
  }

  /// Whether a grant covers it that was given for what is secret: one for all of the system is not.
  private boolean grantedAsSecret(Role role, byte[] source, int at, int length) {
    for (int i = 0; i < prefixes.length; i++) {
      byte[] prefix = prefixes[i];
      if ((roles[i] & role.bits()) == role.bits()
          && SystemKeys.isSystem(prefix, 0, prefix.length)
          && SystemKeys.isSecret(prefix, 0, prefix.length)
          && SystemKeys.startsWith(source, at, length, prefix)) {
        return true;
      }
    }
    return false;
  }

  private boolean granted(Role role, byte[] source, int at, int length) {
    for (int i = 0; i < prefixes.length; i++) {
      if ((roles[i] & role.bits()) == role.bits()
          && SystemKeys.startsWith(source, at, length, prefixes[i])) {
        return true;
      }
    }
    return false;
  }

  /// Whether a grant covers it that was given for keys of the system.
  private boolean grantedByName(Role role, byte[] source, int at, int length) {
    for (int i = 0; i < prefixes.length; i++) {
      if ((roles[i] & role.bits()) == role.bits()
          && SystemKeys.isSystem(prefixes[i], 0, prefixes[i].length)
          && SystemKeys.startsWith(source, at, length, prefixes[i])) {
        return true;
      }
    }
    return false;
  }
}
