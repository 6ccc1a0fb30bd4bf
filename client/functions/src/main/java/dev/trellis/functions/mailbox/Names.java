package dev.trellis.functions.mailbox;

import dev.trellis.lattice.Payload;
import java.nio.charset.StandardCharsets;

/// The names of mailboxes and groups, and the keys that they stand for.
final class Names {
  static final String MAILBOX_PREFIX = "_trellis/mailbox/";
  private static final String TRIES_PREFIX = "_trellis/mailbox-tries/";
  private static final String GROUP_PREFIX = "_trellis/mailbox-group/";
  private static final String DEAD = "/dead";
  private static final int BYTES_MAX = 512;

  private Names() {}

  /// A mailbox for dead letters may have a name as much longer as [#DEAD] is: each mailbox has one.
  ///
  /// @throws IllegalArgumentException if it can't be the name of a mailbox
  static void require(String name) {
    String living = name;
    while (living.endsWith(DEAD) && living.length() > DEAD.length()) {
      living = living.substring(0, living.length() - DEAD.length());
    }
    int bytes = living.getBytes(StandardCharsets.UTF_8).length;
    if (bytes == 0 || bytes > BYTES_MAX) {
      throw new IllegalArgumentException(
          "the name of a mailbox has 1 to "
              + BYTES_MAX
              + " bytes, not "
              + bytes
              + ": '"
              + name
              + "'");
    }
    if (name.chars().anyMatch(Character::isISOControl)) {
      throw new IllegalArgumentException(
          "the name of a mailbox has no control characters: '" + name + "'");
    }
  }

  static Payload mailbox(String name) {
    require(name);
    return Payload.ofText(MAILBOX_PREFIX + name);
  }

  static Payload tries(String name) {
    require(name);
    return Payload.ofText(TRIES_PREFIX + name);
  }

  static Payload group(String name) {
    require(name);
    return Payload.ofText(GROUP_PREFIX + name);
  }

  /// Where messages go that could not be handled.
  static String dead(String name) {
    return name + DEAD;
  }
}
