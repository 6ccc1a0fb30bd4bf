package dev.trellis.wire;

import java.util.OptionalInt;

/// The versions of the protocol that some software speaks.
///
/// @param oldest inclusive
/// @param newest inclusive
public record VersionRange(int oldest, int newest) {
  /// What this software speaks.
  public static final VersionRange SPOKEN = upTo(Frame.PROTOCOL_VERSION);

  /// A version and the one before, so that a cluster can be upgraded node by node.
  ///
  /// @param newest 1 or more
  public static VersionRange upTo(int newest) {
    return new VersionRange(Math.max(1, newest - 1), newest);
  }

  /// The newest version that both speak; empty if there is none.
  public OptionalInt shared(VersionRange other) {
    int version = Math.min(newest, other.newest);
    return version >= Math.max(oldest, other.oldest)
        ? OptionalInt.of(version)
        : OptionalInt.empty();
  }

  @Override
  public String toString() {
    return oldest + " to " + newest;
  }
}
