package dev.trellis.bench;

/// The operations of a load that are told apart.
enum OperationType {
  READ("read"),
  /// Of a key that is there.
  WRITE("write"),
  /// Of a key that was not there.
  INSERT("insert"),
  /// A read, and once it is answered a write of the same key; measured as one.
  READ_MODIFY_WRITE("read-modify-write");

  private final String word;

  OperationType(String word) {
    this.word = word;
  }

  String word() {
    return word;
  }
}
