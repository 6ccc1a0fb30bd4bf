package dev.trellis.simulation;

import java.util.Comparator;
import java.util.PriorityQueue;

/// Virtual time: events happen in the order of their instants, those of one instant in the order in
/// which they were planned.
final class Scheduler {
  private record Event(long atMillis, long order, Runnable action) {}

  private final PriorityQueue<Event> events =
      new PriorityQueue<>(
          Comparator.comparingLong(Event::atMillis).thenComparingLong(Event::order));
  private long nowMillis;
  private long planned;

  Scheduler(long startMillis) {
    nowMillis = startMillis;
  }

  long nowMillis() {
    return nowMillis;
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
