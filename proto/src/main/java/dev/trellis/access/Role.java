package dev.trellis.access;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/// What a principal may do with the keys of a prefix.
public enum Role {
  /// Get, watch, await, scan.
  READ(1),
  /// Everything that changes a value.
  WRITE(2),
  /// Both of these, and what changes how keys are kept. On the empty prefix it is the right to
  /// administer the cluster: its nodes, its backups, its principals.
  ADMIN(4 | 2 | 1);

  private final int bits;

  Role(int bits) {
    this.bits = bits;
  }

  /// A bit for each role that this one includes, itself among them.
  int bits() {
    return bits;
  }

  /// As it is written: `read`, `write`, `admin`.
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /// The role of a word; empty if there is none.
  public static Optional<Role> ofWord(String word) {
    return Arrays.stream(values()).filter(role -> role.word().equals(word)).findFirst();
  }
}
