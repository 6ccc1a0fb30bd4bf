package dev.trellis.access;

import dev.trellis.lattice.Payload;

/// Which rights a key of the system needs. Their names start with `_trellis/`, then comes a word
/// that says what they are for, such as `mailbox`, then, for most, the name that a user gave.
///
/// | word | what is needed |
/// |---|---|
/// | `mailbox`, `future`, `agent` and others that stand before a user's name | the same rights on that name: who may write `shop/orders` may send to the mailbox of that name |
/// | `commit`, `invocation`, `agent-hosts` | any right on anything: what is under them is named by chance, and says which keys, but no value |
/// | `access` | `admin` on the empty prefix, or a grant that names it |
/// | all others | a grant that names them, or `admin` on the empty prefix |
final class SystemKeys {
  static final byte[] PREFIX = bytes("_trellis/");

  private static final byte[][] NAMED = {
    bytes("mailbox/"),
    bytes("mailbox-tries/"),
    bytes("mailbox-group/"),
    bytes("future/"),
    bytes("barrier/"),
    bytes("aggregate/"),
    bytes("agent/"),
    bytes("agent-lease/"),
    bytes("agent-mail/"),
    bytes("agent-index/"),
  };

  private static final byte[][] SHARED = {
    bytes("commit/"), bytes("invocation/"), bytes("agent-hosts"),
  };

  private static final byte[] ACCESS = bytes("access");

  private SystemKeys() {}

  static boolean isSystem(byte[] source, int at, int length) {
    return startsWith(source, at, length, PREFIX);
  }

  /// Where, in a key of the system, the name begins that a user gave; -1 if it has none.
  static int nameAt(byte[] source, int at, int length) {
    return endOfAny(NAMED, source, at, length);
  }

  static boolean isShared(byte[] source, int at, int length) {
    return endOfAny(SHARED, source, at, length) >= 0;
  }

  /// Whether it is kept from all but administrators, whatever else they were granted.
  static boolean isSecret(byte[] source, int at, int length) {
    return startsWith(source, at + PREFIX.length, length - PREFIX.length, ACCESS);
  }

  private static int endOfAny(byte[][] words, byte[] source, int at, int length) {
    for (byte[] word : words) {
      if (startsWith(source, at + PREFIX.length, length - PREFIX.length, word)) {
        return at + PREFIX.length + word.length;
      }
    }
    return -1;
  }

  static boolean startsWith(byte[] source, int at, int length, byte[] prefix) {
    if (length < prefix.length) {
      return false;
    }
    for (int i = 0; i < prefix.length; i++) {
      if (source[at + i] != prefix[i]) {
        return false;
      }
    }
    return true;
  }

  private static byte[] bytes(String text) {
    return Payload.ofText(text).toBytes();
  }
}
