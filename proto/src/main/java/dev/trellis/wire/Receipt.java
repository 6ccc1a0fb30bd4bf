package dev.trellis.wire;

/// What a reply says of a write.
///
/// @param copies distinct nodes known to have merged it, at least 1 when it was accepted
/// @param durableCopies how many of them have synced it to disk
public record Receipt(int copies, int durableCopies) {
  /// Of a read, or of a write that was refused.
  public static final Receipt NONE = new Receipt(0, 0);

  public Receipt {
    if (copies < 0 || durableCopies < 0 || durableCopies > copies) {
      throw new IllegalArgumentException(
          "receipt of " + copies + " copies, " + durableCopies + " of them durable");
    }
  }
}
