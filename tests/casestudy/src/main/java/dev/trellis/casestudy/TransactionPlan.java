package dev.trellis.casestudy;

import dev.trellis.bench.Zipf;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

/// What a transaction does: one function after the other.
record TransactionPlan(List<FunctionPlan> functions) {
  static final int FUNCTIONS = 2;
  private static final int READS = 2;

  /// A function that writes one key, and then reads others, or the same.
  record FunctionPlan(int write, List<Integer> reads) {
    FunctionPlan {
      reads = List.copyOf(reads);
    }
  }

  TransactionPlan {
    functions = List.copyOf(functions);
  }

  /// Reads and writes together.
  static int operationCount() {
    return FUNCTIONS * (1 + READS);
  }

  /// Draws transactions. No two functions of one write the same key, so that a transaction has one
  /// version of each key that it writes.
  ///
  /// @param keys how many there are, 2 or more
  /// @param theta of the zipf distribution by which they are drawn
  static List<TransactionPlan> draw(int count, int keys, double theta, RandomGenerator random) {
    Zipf zipf = new Zipf(theta, random);
    List<TransactionPlan> plans = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      List<FunctionPlan> functions = new ArrayList<>();
      List<Integer> written = new ArrayList<>();
      for (int function = 0; function < FUNCTIONS; function++) {
        int write = (int) zipf.draw(keys);
        while (written.contains(write)) {
          write = (int) zipf.draw(keys);
        }
        written.add(write);
        List<Integer> reads = new ArrayList<>();
        for (int read = 0; read < READS; read++) {
          reads.add((int) zipf.draw(keys));
        }
        functions.add(new FunctionPlan(write, reads));
      }
      plans.add(new TransactionPlan(functions));
    }
    return plans;
  }
}
