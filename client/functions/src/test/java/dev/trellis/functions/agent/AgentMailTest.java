package dev.trellis.functions.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.client.Trellis;
import dev.trellis.functions.agent.AgentMail.Letter;
import dev.trellis.functions.agent.AgentMail.Purpose;
import dev.trellis.junit.TrellisExtension;
import dev.trellis.lattice.Payload;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// What is told of the mail of agents that no host runs, with a real node.
@ExtendWith(TrellisExtension.class)
class AgentMailTest {
  private static final AgentName AGENT = new AgentName("account", "no/1");

  private static void send(Trellis trellis, String mailbox, Payload body) {
    var unused = Trellis.await(new LogMail(trellis).send(mailbox, Optional.empty(), body, false));
  }

  private static List<String> said(List<Letter> letters) {
    return letters.stream().map(letter -> letter.payload().text()).toList();
  }

  @Test
  void whatWaitsIsShownInOrderAndStays(Trellis trellis) {
    assertEquals(List.of(), AgentMail.waiting(trellis, AGENT, 10));
    assertEquals(0, AgentMail.size(trellis, AGENT));
    try (Agents agents = Agents.over(trellis)) {
      agents.tell(AGENT, Payload.ofText("first"));
      send(trellis, AGENT.mailbox(), Envelope.ask("agent/b", "7", Payload.ofText("2nd")).encode());
      send(trellis, AGENT.mailbox(), Payload.ofText("no envelope"));
      agents.tell(new AgentName("account", "no/2"), Payload.ofText("of another"));
    }
    for (int look = 0; look < 2; look++) {
      List<Letter> waiting = AgentMail.waiting(trellis, AGENT, 10);
      assertEquals(List.of("first", "2nd", "no envelope"), said(waiting));
      assertEquals(
          List.of(Purpose.TELL, Purpose.ASK, Purpose.UNREADABLE),
          waiting.stream().map(Letter::purpose).toList());
      assertEquals(
          List.of(Optional.empty(), Optional.of("agent/b"), Optional.empty()),
          waiting.stream().map(Letter::replyTo).toList());
    }
    assertEquals(List.of("first"), said(AgentMail.waiting(trellis, AGENT, 1)));
    assertEquals(3, AgentMail.size(trellis, AGENT));
    assertEquals(
        List.of("account/no/1", "account/no/2"),
        AgentMail.agents(trellis).map(AgentName::toString).toList());
  }

  /// As between the step that handled it and the drop.
  @Test
  void whatTheEntryCountsAsHandledWaitsNoMore(Trellis trellis) {
    send(trellis, AGENT.mailbox(), Envelope.tell(Payload.ofText("handled")).encode());
    Letter handled = AgentMail.waiting(trellis, AGENT, 1).getFirst();
    send(trellis, AGENT.mailbox(), Envelope.tell(Payload.ofText("new")).encode());
    AgentEntry entry =
        new AgentEntry(
            new Ownership(1, new HostId(1, 1)),
            1,
            Payload.EMPTY,
            CausalContext.ofDots(List.of(handled.dot())),
            List.of(),
            new TreeMap<>(),
            0);
    var unused = trellis.priority(AGENT.entryKey()).put(entry.priority(), entry.value());
    assertEquals(List.of("new"), said(AgentMail.waiting(trellis, AGENT, 10)));
    assertEquals(2, AgentMail.size(trellis, AGENT));
  }

  @Test
  void whatCouldNotBeHandledIsShownApart(Trellis trellis) {
    send(trellis, "failed/" + AGENT, Envelope.tell(Payload.ofText("dance")).encode());
    assertEquals(List.of("dance"), said(AgentMail.failed(trellis, AGENT, 10)));
    assertEquals(List.of(), AgentMail.waiting(trellis, AGENT, 10));
  }

  @Test
  void whatCouldNotBeHandledIsBoundedAndTheNewestStay(Trellis trellis) {
    String mailbox = Step.failed(AGENT);
    int many = AgentMail.LETTERS_MAX + 5;
    List<Payload> letters =
        IntStream.range(0, many)
            .mapToObj(i -> Envelope.tell(Payload.ofText("" + i)).encode())
            .toList();
    var unused = trellis.log(LogMail.key(mailbox)).append(letters.subList(0, many - 10));
    letters.subList(many - 10, many).forEach(letter -> send(trellis, mailbox, letter));
    List<String> kept = said(AgentMail.failed(trellis, AGENT, AgentMail.LETTERS_MAX));
    assertEquals(IntStream.range(many - kept.size(), many).mapToObj(i -> "" + i).toList(), kept);
    assertEquals(AgentMail.LETTERS_MAX / 2 + 5, kept.size());
  }

  @Test
  void largeOnesThatCouldNotBeHandledMakeRoomForEachOther(Trellis trellis) {
    int quarter = trellis.limits().valueBytesMax() / 4;
    for (int size : new int[] {1_000, quarter / 3, quarter / 3, quarter / 3, quarter + 1}) {
      send(trellis, Step.failed(AGENT), Payload.of(new byte[size]));
      List<Letter> kept = AgentMail.failed(trellis, AGENT, 10);
      assertEquals(size, kept.getLast().payload().size());
      long bytes = kept.stream().mapToLong(letter -> letter.payload().size()).sum();
      assertTrue(bytes <= quarter || kept.size() == 1, () -> kept.size() + " of " + bytes);
    }
    assertEquals(1, AgentMail.failed(trellis, AGENT, 10).size());
  }

  @Test
  void aLimitOutsideItsRangeIsRefused(Trellis trellis) {
    for (int limit : new int[] {0, 1_001}) {
      IllegalArgumentException refused =
          assertThrows(
              IllegalArgumentException.class, () -> AgentMail.waiting(trellis, AGENT, limit));
      assertTrue(String.valueOf(refused.getMessage()).endsWith("outside 1 to 1000"));
    }
  }
}
