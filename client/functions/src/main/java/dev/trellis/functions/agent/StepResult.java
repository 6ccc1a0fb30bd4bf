package dev.trellis.functions.agent;

import dev.trellis.causal.CausalContext;
import dev.trellis.lattice.Payload;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/// What came of handling some messages.
///
/// @param consumed the messages
/// @param sent what it tells others
record StepResult(
    Payload state,
    CausalContext consumed,
    List<Outgoing> sent,
    SortedMap<String, Timer> timers,
    long timersSet) {
  StepResult {
    sent = List.copyOf(sent);
    timers = Collections.unmodifiableSortedMap(new TreeMap<>(timers));
  }
}
