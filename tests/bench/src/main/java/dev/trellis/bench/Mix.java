package dev.trellis.bench;

import java.util.random.RandomGenerator;

/// How often a load does what: whole percentages, 100 together.
record Mix(int readPercent, int writePercent, int insertPercent, int readModifyWritePercent) {
  Mix {
    if (Math.min(
                Math.min(readPercent, writePercent),
                Math.min(insertPercent, readModifyWritePercent))
            < 0
        || readPercent + writePercent + insertPercent + readModifyWritePercent != 100) {
      throw new IllegalArgumentException(
          "a mix of %d%% reads, %d%% writes, %d%% inserts, %d%% read-modify-writes is not 100%%"
              .formatted(readPercent, writePercent, insertPercent, readModifyWritePercent));
    }
  }

  /// Reads, and writes for the rest.
  static Mix ofReads(int percent) {
    return new Mix(percent, 100 - percent, 0, 0);
  }

  /// The next operation.
  OperationType draw(RandomGenerator random) {
    int drawn = random.nextInt(100);
    if (drawn < readPercent) {
      return OperationType.READ;
    }
    if (drawn < readPercent + writePercent) {
      return OperationType.WRITE;
    }
    return drawn < readPercent + writePercent + insertPercent
        ? OperationType.INSERT
        : OperationType.READ_MODIFY_WRITE;
  }

  /// For people, such as `95% reads, 5% inserts`.
  String describe() {
    StringBuilder text = new StringBuilder();
    describe(text, readPercent, "reads");
    describe(text, writePercent, "writes");
    describe(text, insertPercent, "inserts");
    describe(text, readModifyWritePercent, "read-modify-writes");
    return text.toString();
  }

  private static void describe(StringBuilder text, int percent, String what) {
    if (percent > 0) {
      text.append(text.isEmpty() ? "" : ", ").append(percent).append("% ").append(what);
    }
  }
}
