package dev.trellis.access;

import java.util.Set;
import java.util.regex.Pattern;

/// Who asks, and what he may do. Immutable: a change of rights makes another caller.
///
/// @param principal the name; `anonymous` where there is no security
public record Caller(String principal, Rights rights, Allowance allowance) {
  // First: the constants below are checked by them.
  private static final Set<String> RESERVED = Set.of("anonymous", "peer", "router", "monitor");
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}");

  /// Everybody, where there is no security.
  public static final Caller ANONYMOUS = new Caller("anonymous", Rights.ALL, Allowance.UNLIMITED);

  /// Another replica of the same cluster; only these may merge entries as they stand.
  public static final Caller PEER = new Caller("peer", Rights.ALL, Allowance.UNLIMITED);

  /// @throws IllegalArgumentException if the name is none that a principal may have
  public Caller {
    requireName(principal);
  }

  /// Whether a principal may be called so: 1 to 64 letters, digits, `.`, `_` and `-`, the first a
  /// letter or digit.
  public static boolean isName(String text) {
    return NAME.matcher(text).matches();
  }

  /// Returns the name if it is one that a principal may have: 1 to 64 letters, digits, dots,
  /// hyphens and underscores, of which the first is a letter or a digit.
  ///
  /// @throws IllegalArgumentException else
  public static String requireName(String principal) {
    if (!isName(principal)) {
      throw new IllegalArgumentException(
          "'"
              + printable(principal)
              + "' is no name of a principal: 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', with a"
              + " letter or a digit first");
    }
    return principal;
  }

  /// The same of a name for a principal of users: those that processes of the cluster go by are
  /// refused too.
  ///
  /// @throws IllegalArgumentException else
  public static String requireFree(String principal) {
    if (RESERVED.contains(requireName(principal))) {
      throw new IllegalArgumentException(
          "'" + principal + "' is a name that processes of the cluster go by; take another");
    }
    return principal;
  }

  private static String printable(String text) {
    String shown = text.length() > 80 ? text.substring(0, 80) + "…" : text;
    return shown.replaceAll("\\p{Cntrl}", "?");
  }

  /// The name alone.
  @Override
  public String toString() {
    return principal;
  }
}
