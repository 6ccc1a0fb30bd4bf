package dev.trellis.functions.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.ReplicaId;
import dev.trellis.lattice.Payload;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/// How large a step gets, and what becomes of a message that can't be handled.
class StepTest {
  private static final long NOW = 1_700_000_000_000L;
  private static final AgentName NAME = new AgentName("account", "a");
  private static final Bounds BOUNDS = new Bounds(300, 250, 1_000, 4_000);

  private static Step step(Agent agent) {
    return step(agent, Payload.EMPTY);
  }

  private static Step step(Agent agent, Payload state) {
    AgentEntry before =
        new AgentEntry(
            new Ownership(1, new HostId(1, 2)),
            1,
            state,
            CausalContext.EMPTY,
            List.of(),
            new TreeMap<>(),
            0);
    return new Step(
        NAME,
        agent,
        before,
        NOW,
        BOUNDS,
        id -> {
          throw new IllegalStateException("no store");
        });
  }

  private static List<Received> told(String... texts) {
    List<Received> mail = new ArrayList<>();
    for (String text : texts) {
      Dot dot = new Dot(new ReplicaId(7, 8), mail.size() + 1);
      mail.add(new Received(dot, NOW, Envelope.tell(Payload.ofText(text)).encode()));
    }
    return mail;
  }

  @Test
  void aStepEndsWhereItIsLargeAndTheRestIsForTheNext() {
    Agent talks = (message, context) -> context.tell(NAME, Payload.of(new byte[400]));
    List<Received> left = told("a", "b", "c", "d", "e", "f", "g");
    int steps = 0;
    while (!left.isEmpty()) {
      Step step = step(talks);
      boolean all = step.handleAll(List.of(), left);
      StepResult result = step.result();
      long bytes = result.sent().stream().mapToLong(Bounds::weight).sum();
      assertTrue(bytes <= BOUNDS.entry(), () -> bytes + " bytes");
      List<Received> rest =
          left.stream().filter(one -> !result.consumed().contains(one.dot())).toList();
      assertEquals(all, rest.isEmpty());
      assertEquals(left.size() - rest.size(), result.sent().size());
      left = rest;
      steps++;
    }
    assertEquals(3, steps, "three messages at a time");
  }

  @Test
  void aMessageThatAloneIsTooMuchIsPutAsideAndTheNextCounts() {
    Step step =
        step(
            (message, context) -> {
              int bytes = message.toString().contains("large") ? 5_000 : 10;
              context.setState(Payload.of(new byte[bytes]));
            });
    assertTrue(step.handleAll(List.of(), told("large", "small")));
    assertEquals(1, step.failures().size());
    assertEquals(10, step.result().state().size());
    assertEquals(Step.failed(NAME), step.result().sent().getFirst().mailbox());
  }

  @Test
  void aMessageForWhichOthersLeaveNoRoomIsForTheNextStep() {
    Agent talks =
        (message, context) -> {
          boolean large = message.toString().contains("large");
          context.tell(NAME, Payload.of(new byte[large ? 3_500 : 900]));
        };
    List<Received> mail = told("small", "large");
    Step first = step(talks);
    assertFalse(first.handleAll(List.of(), mail));
    assertEquals(CausalContext.ofDots(List.of(mail.getFirst().dot())), first.result().consumed());
    assertEquals(1, first.result().sent().size());
    Step second = step(talks);
    assertTrue(second.handleAll(List.of(), mail.subList(1, 2)));
    assertEquals(List.of(), second.failures());
  }

  @Test
  void whatIsPutAsideLeavesRoomForTheState() {
    List<Received> mail = told("bad " + "x".repeat(3_900));
    Agent fails =
        (message, context) -> {
          throw new IllegalArgumentException("bad");
        };
    Step full = step(fails, Payload.of(new byte[900]));
    assertTrue(full.handleAll(List.of(), mail));
    StepResult result = full.result();
    long bytes = result.state().size() + Bounds.weight(result.sent().getFirst());
    assertEquals(BOUNDS.entry(), bytes);
  }

  @Test
  void anErrorOfTheAgentIsAFailureOfTheMessageAlone() {
    List<String> handled = new ArrayList<>();
    Step step =
        step(
            (message, context) -> {
              String text = message.toString();
              if (text.contains("assert")) {
                throw new AssertionError("not so");
              }
              if (text.contains("deep")) {
                throw new StackOverflowError();
              }
              handled.add(text);
            });
    assertTrue(step.handleAll(List.of(), told("assert", "deep", "good")));
    assertEquals(2, step.failures().size());
    assertEquals(1, handled.size());
    assertFalse(step.result().consumed().isEmpty());
  }
}
