package dev.trellis.node.control;

import java.util.Optional;

/// Who has sent a message to a control plane, as far as that is known: the name that his key has in
/// `curve.known`, which starts with his part, `node`, `monitor` or `operator`.
///
/// @param name empty where security is off, and everybody may do everything
/// @param from his address
record Speaker(String name, String from) {
  /// Where security is off.
  static final Speaker ANYBODY = new Speaker("", "");

  private static final String NODE = "node";
  private static final String MONITOR = "monitor";
  private static final String OPERATOR = "operator";

  /// Whether he may speak for a node to other nodes. One whose key is named `node/NAME` may speak
  /// for that one only.
  boolean isNode(String nodeId) {
    return name.isEmpty() || name.equals(NODE) || name.equals(NODE + "/" + nodeId);
  }

  /// Why he may not give an order; empty if he may. A monitor leads and has nodes leave; the rest
  /// is for operators.
  Optional<String> objection(Order order) {
    boolean may =
        switch (part()) {
          case "", OPERATOR -> true;
          case MONITOR ->
              switch (order.word()) {
                case "status", "claim", "backup-status" -> true;
                // By its epoch, so that a monitor that leads no more is refused.
                case "leave" -> !order.argument().isEmpty();
                default -> false;
              };
          default -> order.word().equals("status");
        };
    return may
        ? Optional.empty()
        : Optional.of(
            "the key of '" + name + "' in curve.known does not allow the order " + order.word());
  }

  private String part() {
    int slash = name.indexOf('/');
    return slash < 0 ? name : name.substring(0, slash);
  }
}
