package dev.trellis.integration.broken.wire;

/// An accessor with a prefix.
public record HasAGetter(int size) {
  /// The size.
  public int getSize() {
    return size;
  }
}
