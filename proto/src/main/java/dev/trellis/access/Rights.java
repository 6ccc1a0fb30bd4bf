package dev.trellis.access;

import dev.trellis.lattice.Payload;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/// What one principal may do, ready to be asked for each request. Immutable.
///
/// Whatever no grant allows is refused. A grant of a prefix covers the keys that start with it, but
/// those of the system as [SystemKeys] says.
public final class Rights {
  /// None at all.
  public static final Rights NONE = new Rights(List.of());

  /// All there are.
  public static final Rights ALL = of(List.of(new Grant(Payload.EMPTY, Set.of(Role.ADMIN))));

  private final PrefixTree granted;
  private final PrefixTree ofSystem; // of those grants that were given for keys of the system
  private final PrefixTree secret; // of those that were given for what is secret there
  private final int userRoles; // of those that were given for keys of users
  private final boolean administers; // and so may do all

  private Rights(List<Grant> grants) {
    granted = tree(grants, prefix -> true);
    ofSystem = tree(grants, Rights::isSystem);
    secret =
        tree(grants, prefix -> isSystem(prefix) && SystemKeys.isSecret(prefix, 0, prefix.length));
    int ofUsers = 0;
    boolean all = false;
    for (Grant grant : grants) {
      ofUsers |= isOfUsers(grant.prefix().toBytes()) ? bits(grant) : 0;
      all |= grant.prefix().isEmpty() && grant.roles().contains(Role.ADMIN);
    }
    userRoles = ofUsers;
    administers = all;
  }

  private static PrefixTree tree(List<Grant> grants, Predicate<byte[]> which) {
    List<byte[]> prefixes = new ArrayList<>();
    List<Integer> roles = new ArrayList<>();
    for (Grant grant : grants) {
      byte[] prefix = grant.prefix().toBytes();
      int bits = bits(grant);
      if (bits != 0 && which.test(prefix)) {
        prefixes.add(prefix);
        roles.add(bits);
      }
    }
    return new PrefixTree(prefixes, roles);
  }

  private static boolean isSystem(byte[] prefix) {
    return SystemKeys.isSystem(prefix, 0, prefix.length);
  }

  private static boolean isOfUsers(byte[] prefix) {
    return !isSystem(prefix) || SystemKeys.nameAt(prefix, 0, prefix.length) >= 0;
  }

  private static int bits(Grant grant) {
    int bits = 0;
    for (Role role : grant.roles()) {
      bits |= role.bits();
    }
    return bits;
  }

  /// The rights of who was given these.
  public static Rights of(List<Grant> grants) {
    return new Rights(grants);
  }

  /// Whether a key may be used so. Costs about as much as comparing it with one prefix, however
  /// many were granted.
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
        : granted.covers(role.bits(), source, at, length);
  }

  /// Whether a grant covers a key, for its own name or the name that a user gave in it: as
  /// [#allow], without what everybody may who may the same with any key.
  public boolean isGranted(Role role, Payload key) {
    if (administers) {
      return true; // without a copy of the key
    }
    byte[] bytes = key.toBytes();
    boolean shared =
        SystemKeys.isSystem(bytes, 0, bytes.length) && SystemKeys.isShared(bytes, 0, bytes.length);
    return shared
        ? ofSystem.covers(role.bits(), bytes, 0, bytes.length)
        : allow(role, bytes, 0, bytes.length);
  }

  /// Whether all keys that start with a prefix may be used so, but those of the system that need
  /// more: those are to be left out, each as [#isGranted] says.
  public boolean cover(Role role, Payload prefix) {
    byte[] bytes = prefix.toBytes();
    if (SystemKeys.isSystem(bytes, 0, bytes.length)
        && SystemKeys.isShared(bytes, 0, bytes.length)) {
      return administers || ofSystem.covers(role.bits(), bytes, 0, bytes.length);
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
    return granted.isEmpty();
  }

  /// Whether the same was granted.
  @Override
  public boolean equals(Object other) {
    return other instanceof Rights rights && granted.equals(rights.granted);
  }

  @Override
  public int hashCode() {
    return granted.hashCode();
  }

  private boolean allowOfSystem(Role role, byte[] source, int at, int length) {
    if (SystemKeys.isSecret(source, at, length)) {
      return secret.covers(role.bits(), source, at, length);
    }
    if (SystemKeys.isShared(source, at, length)) {
      return role != Role.ADMIN && (userRoles & role.bits()) == role.bits();
    }
    int nameAt = SystemKeys.nameAt(source, at, length);
    if (nameAt >= 0 && granted.covers(role.bits(), source, nameAt, at + length - nameAt)) {
      return true;
    }
    return ofSystem.covers(role.bits(), source, at, length);
  }
}
