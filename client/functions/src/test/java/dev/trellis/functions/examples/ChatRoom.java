package dev.trellis.functions.examples;

import dev.trellis.functions.agent.Agent;
import dev.trellis.functions.agent.AgentContext;
import dev.trellis.functions.agent.AgentName;
import dev.trellis.functions.agent.Message;
import dev.trellis.lattice.Payload;
import java.util.List;
import java.util.TreeSet;

/// A chat: rooms that pass on what is said in them, and people who remember what they heard. Each
/// room and each person is an agent, on whichever host; none of them knows where the others are.
final class ChatRoom {
  static final String ROOM = "room";
  static final String PERSON = "person";

  private ChatRoom() {}

  static AgentName room(String name) {
    return new AgentName(ROOM, name);
  }

  static AgentName person(String name) {
    return new AgentName(PERSON, name);
  }

  /// Is told `join NAME`, `leave NAME` and `NAME: what he says`. Its state is who is there, a line
  /// each.
  static final class Room implements Agent {
    @Override
    public void handle(Message message, AgentContext context) {
      if (!(message instanceof Message.Told told)) {
        return;
      }
      TreeSet<String> there = new TreeSet<>(lines(context.state()));
      String said = told.payload().text();
      if (said.startsWith("join ")) {
        there.add(said.substring("join ".length()));
      } else if (said.startsWith("leave ")) {
        there.remove(said.substring("leave ".length()));
      } else {
        there.forEach(name -> context.tell(person(name), told.payload()));
      }
      context.setState(Payload.ofText(String.join("\n", there)));
    }
  }

  /// Remembers what it is told, a line each, and tells it to whoever asks.
  static final class Person implements Agent {
    @Override
    public void handle(Message message, AgentContext context) {
      switch (message) {
        case Message.Told told -> {
          String before = context.state().text();
          String heard = told.payload().text();
          context.setState(Payload.ofText(before.isEmpty() ? heard : before + "\n" + heard));
        }
        case Message.Asked asked -> context.reply(context.state());
        default -> {}
      }
    }
  }

  static List<String> lines(Payload state) {
    return state.isEmpty() ? List.of() : state.text().lines().toList();
  }
}
