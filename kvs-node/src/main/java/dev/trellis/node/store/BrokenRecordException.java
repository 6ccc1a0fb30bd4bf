package dev.trellis.node.store;

/// What was written of a key is there and can't be read. Thrown once for each record, before
/// anything was changed; from then on it counts as not there.
public final class BrokenRecordException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final long keyHash;

  /// @param keyHash of the key
  public BrokenRecordException(long keyHash) {
    super("a record whose key has the hash " + Long.toHexString(keyHash) + " is broken");
    this.keyHash = keyHash;
  }

  public long keyHash() {
    return keyHash;
  }
}
