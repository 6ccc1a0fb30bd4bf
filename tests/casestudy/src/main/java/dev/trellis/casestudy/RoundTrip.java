package dev.trellis.casestudy;

/// One way for two functions to communicate.
interface RoundTrip extends AutoCloseable {
  String name();

  /// Has one function tell the other something, and wait until it is told the same.
  void run() throws InterruptedException;

  @Override
  void close();
}
