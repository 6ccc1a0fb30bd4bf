package dev.trellis.bench;

/// The core workloads of the Yahoo! Cloud Serving Benchmark, with its distributions, so that
/// figures can be compared. E, short range scans, is left out: keys here have no order across
/// nodes.
///
/// @see "Cooper et al., Benchmarking Cloud Serving Systems with YCSB, SoCC 2010, table 2"
enum Workload {
  A(50, 50, 0, 0, Keys.SCRAMBLED),
  B(95, 5, 0, 0, Keys.SCRAMBLED),
  C(100, 0, 0, 0, Keys.SCRAMBLED),
  D(95, 0, 5, 0, Keys.LATEST),
  F(50, 0, 0, 50, Keys.SCRAMBLED);

  /// Exponent of the zipf distributions of all of them.
  static final double THETA = 0.99;

  /// Ten fields of 100 B each.
  static final int VALUE_BYTES = 1_000;

  private final int readPercent;
  private final int writePercent;
  private final int insertPercent;
  private final int readModifyWritePercent;
  private final Keys keys;

  Workload(
      int readPercent, int writePercent, int insertPercent, int readModifyWritePercent, Keys keys) {
    this.readPercent = readPercent;
    this.writePercent = writePercent;
    this.insertPercent = insertPercent;
    this.readModifyWritePercent = readModifyWritePercent;
    this.keys = keys;
  }

  Mix mix() {
    return new Mix(readPercent, writePercent, insertPercent, readModifyWritePercent);
  }

  Keys keys() {
    return keys;
  }
}
