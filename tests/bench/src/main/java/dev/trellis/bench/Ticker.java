package dev.trellis.bench;

import java.util.concurrent.locks.LockSupport;

/// Time as a load generator sees it: that of the machine, or of a test.
interface Ticker {
  /// As [System#nanoTime].
  long nanos();

  /// Waits until that time, or less.
  void waitUntil(long nanos);

  /// Waits until the thread is unparked, or less.
  void waitForAnswer();

  /// The machine's.
  Ticker SYSTEM =
      new Ticker() {
        @Override
        public long nanos() {
          return System.nanoTime();
        }

        @Override
        public void waitUntil(long nanos) {
          LockSupport.parkNanos(nanos - System.nanoTime());
        }

        @Override
        public void waitForAnswer() {
          LockSupport.park();
        }
      };
}
