package dev.trellis.access;

import dev.trellis.lattice.Payload;

/// Which rights a key of the system needs. Their names start with `_trellis/`, then comes a word
/// that says what they are for, such as `mailbox`, then, for most, the name that a user gave.
///
/// | word | what is needed |
/// |---|---|
/// | `mailbox`, `agent` and others that stand before a user's name | the same rights on that name: who may write `shop/orders` may send to the mailbox of that name |
/// | `commit` | the same, of the key that a part of a commit is for, which stands behind writer and time |
/// | `future`, `invocation`, `agent-hosts`, replies to who asks agents | the same role on any key of users: what is under them is named by chance, for who was told the name |
/// | `access` | `admin` on the empty prefix, or a grant that names it |
/// | all others | a grant that names them, or `admin` on the empty prefix |
final class SystemKeys {
  static final byte[] PREFIX = bytes("_trellis/");

  private static final byte[][] NAMED = {
    bytes("mailbox/"),
    bytes("mailbox-tries/"),
    bytes("mailbox-group/"),
    bytes("barrier/"),
    bytes("aggregate/"),
    bytes("agent/"),
    bytes("agent-lease/"),
    bytes("agent-mail/agent/"),
    bytes("agent-mail/failed/"),
    bytes("agent-index/"),
  };

  private static final byte[][] SHARED = {
    bytes("future/"), bytes("invocation/"), bytes("agent-hosts"), bytes("agent-mail/replies/"),
  };

  private static final byte[] COMMIT = bytes("commit/");

  /// Before the key in the name of a part of a commit: two numbers of 16 digits, a slash behind
  /// each.
  private static final int COMMIT_ID_BYTES = 34;

  private static final byte[] ACCESS = bytes("access");

  private SystemKeys() {}

  static boolean isSystem(byte[] source, int at, int length) {
    return startsWith(source, at, length, PREFIX);
  }

  /// Where, in a key of the system, the name begins that a user gave; -1 if it has none.
  static int nameAt(byte[] source, int at, int length) {
    if (startsWith(source, at + PREFIX.length, length - PREFIX.length, COMMIT)) {
      int ahead = PREFIX.length + COMMIT.length + COMMIT_ID_BYTES;
      return length < ahead ? -1 : at + ahead;
    }
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
