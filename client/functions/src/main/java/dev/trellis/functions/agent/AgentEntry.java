package dev.trellis.functions.agent;

import dev.trellis.causal.CausalContext;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.View;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/// All there is of an agent but its mailbox, as one value: so a step is there as a whole or not at
/// all. Ordered by (owner, sequence); the store keeps the greatest.
///
/// @param sequence counts the steps of one owner, from 0, which only takes over what was there
/// @param state empty until the agent sets it
/// @param consumed messages that `state` has, and that may still be in the mailbox
/// @param outbox messages that may not be in their mailboxes yet
/// @param timers by name
/// @param timersSet how many were ever set
record AgentEntry(
    Ownership owner,
    long sequence,
    Payload state,
    CausalContext consumed,
    List<Outgoing> outbox,
    SortedMap<String, Timer> timers,
    long timersSet) {
  AgentEntry {
    outbox = List.copyOf(outbox);
    timers = Collections.unmodifiableSortedMap(new TreeMap<>(timers));
  }

  /// What an owner begins with if there was nothing.
  static AgentEntry first(Ownership owner) {
    return new AgentEntry(
        owner, 0, Payload.EMPTY, CausalContext.EMPTY, List.of(), new TreeMap<>(), 0);
  }

  /// The same, taken over by a greater owner.
  AgentEntry takenOver(Ownership by) {
    return new AgentEntry(by, 0, state, consumed, outbox, timers, timersSet);
  }

  /// The next one, in which the agent has done nothing, with less to remember.
  AgentEntry tidied(CausalContext stillThere, List<Outgoing> unsent) {
    return new AgentEntry(owner, sequence + 1, state, stillThere, unsent, timers, timersSet);
  }

  /// The same with another outbox.
  AgentEntry withOutbox(List<Outgoing> unsent) {
    return new AgentEntry(owner, sequence, state, consumed, unsent, timers, timersSet);
  }

  double priority() {
    return owner.priority();
  }

  Payload value() {
    Bytes.Out out = new Bytes.Out();
    out.host(owner.host());
    out.number(~sequence); // the lowest bytes stay, so that the latest step does
    out.payload(state);
    out.context(consumed);
    out.count(outbox.size());
    for (Outgoing one : outbox) {
      out.text(one.mailbox());
      out.tag(one.tag());
      out.payload(one.body());
    }
    out.count(timers.size());
    for (Map.Entry<String, Timer> timer : timers.entrySet()) {
      out.text(timer.getKey());
      out.number(timer.getValue().dueMillis());
      out.number(timer.getValue().number());
    }
    out.number(timersSet);
    return out.payload();
  }

  /// @throws IllegalArgumentException if it is no entry of an agent
  static AgentEntry of(View.Prioritized stored) {
    Bytes.In in = new Bytes.In(stored.value());
    Ownership owner = Ownership.of(stored.priority(), in.host());
    long sequence = ~in.number();
    Payload state = in.payload();
    CausalContext consumed = in.context();
    List<Outgoing> outbox = new ArrayList<>();
    for (int left = in.count(); left > 0; left--) {
      String mailbox = in.text();
      outbox.add(new Outgoing(mailbox, in.tag(), in.payload()));
    }
    SortedMap<String, Timer> timers = new TreeMap<>();
    for (int left = in.count(); left > 0; left--) {
      String name = in.text();
      long dueMillis = in.number();
      timers.put(name, new Timer(dueMillis, in.number()));
    }
    return new AgentEntry(owner, sequence, state, consumed, outbox, timers, in.number());
  }

  /// Which of the two the store keeps.
  static AgentEntry kept(AgentEntry a, AgentEntry b) {
    int order = a.owner.compareTo(b.owner);
    return (order != 0 ? order : Long.compare(a.sequence, b.sequence)) >= 0 ? a : b;
  }
}
