package dev.trellis.integration.broken.bench;

/// Something that only tests should know.
public final class Load {
  private Load() {}

  /// Ten.
  public static int keys() {
    return 10;
  }
}
