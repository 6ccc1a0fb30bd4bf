package dev.trellis.functions.agent;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.Limits;
import java.nio.charset.StandardCharsets;

/// The address of an agent: what it is, and which one. Equal names are the same agent, whoever
/// speaks of it and wherever it is active. It needs no creating: it is there once somebody tells it
/// something.
///
/// @param type by which hosts know how to run it: 1 character or more, no `/`
/// @param id which one, any text of 1 character or more; with the type at most 960 bytes of UTF-8
public record AgentName(String type, String id) implements Comparable<AgentName> {
  /// What the prefixes of keys need.
  private static final int PREFIX_BYTES = 64;

  private static final int BYTES_MAX = Limits.DEFAULT.keyBytesMax() - PREFIX_BYTES;

  public AgentName {
    requireType(type);
    if (id.isEmpty()) {
      throw new IllegalArgumentException("an agent of type '" + type + "' with an empty id");
    }
    int bytes = (type + "/" + id).getBytes(StandardCharsets.UTF_8).length;
    if (bytes > BYTES_MAX) {
      throw new IllegalArgumentException(
          "agent name of " + bytes + " bytes is above " + BYTES_MAX + ": " + type + "/…");
    }
  }

  static String requireType(String type) {
    if (type.isEmpty() || type.indexOf('/') >= 0) {
      throw new IllegalArgumentException(
          "agent type '" + type + "' is none: 1 character or more, without '/'");
    }
    return type;
  }

  /// The name of a text `type/id`.
  ///
  /// @throws IllegalArgumentException if there is no `/`, or nothing before or after it
  public static AgentName ofText(String text) {
    int slash = text.indexOf('/');
    if (slash < 0) {
      throw new IllegalArgumentException("agent name '" + text + "' has no '/': it is type/id");
    }
    return new AgentName(text.substring(0, slash), text.substring(slash + 1));
  }

  /// Where its state, mailbox position and outbox are, as one entry.
  Payload entryKey() {
    return Payload.ofText("_trellis/agent/" + this);
  }

  /// Where hosts claim it.
  Payload claimKey() {
    return Payload.ofText("_trellis/agent-lease/" + this);
  }

  /// The name of its mailbox.
  String mailbox() {
    return "agent/" + this;
  }

  @Override
  public int compareTo(AgentName other) {
    int order = type.compareTo(other.type);
    return order != 0 ? order : id.compareTo(other.id);
  }

  @Override
  public String toString() {
    return type + "/" + id;
  }
}
