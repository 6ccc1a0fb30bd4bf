package dev.trellis.simulation;

import java.util.PriorityQueue;

/// Virtual time: events happen in the order of their instants, those of one instant in the order in
/// which they were planned.
final class Scheduler {
  private record Event(long atMillis, long order, Runnable action) implements Comparable<Event> {
    @Override
    public int compareTo(Event other) {
      return atMillis == other.atMillis
          ? Long.compare(order, other.order)
          : Long.compare(atMillis, other.atMillis);
    }
  }

  private final PriorityQueue<Event> events = new PriorityQueue<>();
  private final long startMillis;
  private long nowMillis;
  private long planned;

  Scheduler(long startMillis) {
    this.startMillis = startMillis;
    nowMillis = startMillis;
  }

  long nowMillis() {
    return nowMillis;
  }

  /// Since the start of the run.
  long elapsedMillis() {
    return nowMillis - startMillis;
  }

  /// How many events were planned so far: equal for equal runs.
  long planned() {
    return planned;
  }

  void after(long delayMillis, Runnable action) {
    events.add(new Event(nowMillis + delayMillis, planned++, action));
  }

  /// Lets the events of the next `millis` happen.
  void run(long millis) {
    long end = nowMillis + millis;
    while (!events.isEmpty() && events.peek().atMillis <= end) {
      Event event = events.remove();
      nowMillis = event.atMillis;
      event.action.run();
    }
    nowMillis = end;
  }
}
