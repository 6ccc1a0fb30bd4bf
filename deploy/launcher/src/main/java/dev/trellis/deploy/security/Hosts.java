package dev.trellis.deploy.security;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/// Names and addresses of machines, as they stand in certificates.
final class Hosts {
  private static final List<String> OWN = List.of("localhost", "127.0.0.1", "::1");
  private static final Pattern ADDRESS_4 =
      Pattern.compile("((25[0-5]|2[0-4]\\d|1?\\d?\\d)(\\.(?!$)|$)){4}");
  private static final Pattern ADDRESS_6 = Pattern.compile("(?=.*:.*:)[0-9A-Fa-f:]{2,39}(?<!:::)");

  /// What looks like an address and is none would be taken for a name.
  private static final Pattern DIGITS = Pattern.compile("[0-9.]*");

  private static final Pattern NAME =
      Pattern.compile(
          "(\\*\\.)?([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)*"
              + "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?");

  private Hosts() {}

  /// What is reached from its own machine, and at these.
  ///
  /// @throws IllegalArgumentException if one is neither a name nor an address
  static List<String> withOwn(List<String> others) {
    Set<String> all = new LinkedHashSet<>(OWN);
    for (String host : others) {
      if (!isAddress(host) && !isName(host)) {
        throw new IllegalArgumentException(
            "'"
                + host
                + "' is no host: give a name such as db.example, *.db.example, or an address");
      }
      all.add(host);
    }
    return new ArrayList<>(all);
  }

  private static boolean isName(String host) {
    return host.length() <= 253 && NAME.matcher(host).matches() && !DIGITS.matcher(host).matches();
  }

  static boolean isAddress(String host) {
    return ADDRESS_4.matcher(host).matches() || ADDRESS_6.matcher(host).matches();
  }
}
