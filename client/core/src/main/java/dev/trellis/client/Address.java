package dev.trellis.client;

/// Where a router or a node listens.
///
/// @param host name or number; an IPv6 number without its brackets
/// @param port 1 to 65,535
record Address(String host, int port) {
  /// Reads `host:port`, or `[::1]:port` for an IPv6 number.
  ///
  /// @throws IllegalArgumentException if the text is neither; the message quotes it
  static Address parse(String text) {
    int colon = text.lastIndexOf(':');
    String host = colon < 0 ? "" : text.substring(0, colon);
    boolean bracketed = host.startsWith("[") && host.endsWith("]");
    if (bracketed) {
      host = host.substring(1, host.length() - 1);
    }
    if (host.isBlank() || (!bracketed && host.contains(":")) || host.contains("/")) {
      throw malformed(text, "it must be host:port, or [::1]:port for IPv6");
    }
    String digits = text.substring(colon + 1);
    if (!digits.matches("[0-9]{1,5}")
        || Integer.parseInt(digits) < 1
        || Integer.parseInt(digits) > 65_535) {
      throw malformed(text, "the port must be a number from 1 to 65535");
    }
    return new Address(host, Integer.parseInt(digits));
  }

  private static IllegalArgumentException malformed(String text, String why) {
    return new IllegalArgumentException(
        "address '" + text + "' is malformed: " + why + ", such as 127.0.0.1:7400");
  }

  @Override
  public String toString() {
    return (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
  }
}
