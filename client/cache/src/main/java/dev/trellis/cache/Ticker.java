package dev.trellis.cache;

/// Both clocks of the machine. A machine that stands still, as a function does between two calls,
/// may stop one of them; somebody may set the other. So more time has passed than either tells,
/// never less.
interface Ticker {
  Ticker SYSTEM =
      new Ticker() {
        @Override
        public long nanos() {
          return System.nanoTime();
        }

        @Override
        public long millis() {
          return System.currentTimeMillis();
        }
      };

  /// As [System#nanoTime].
  long nanos();

  /// As [System#currentTimeMillis].
  long millis();
}
