package dev.trellis.routing.lookup;

import dev.trellis.process.ConfigurationException;

/// Where a node answers on the data protocol.
///
/// @param host a name or a number
/// @param port 1 to 65,535
public record Address(String host, int port) {
  /// Reads `host:port`; a numeric IPv6 host stands in brackets.
  ///
  /// @param key of the configuration, for messages
  /// @throws ConfigurationException if the text has another form
  public static Address parse(String key, String text) {
    int colon = text.lastIndexOf(':');
    String host = colon < 0 ? "" : text.substring(0, colon);
    if (host.startsWith("[") && host.endsWith("]")) {
      host = host.substring(1, host.length() - 1);
    } else if (host.indexOf(':') >= 0) {
      throw wrong(key, text);
    }
    try {
      int port = Integer.parseInt(text, colon + 1, text.length(), 10);
      if (host.isEmpty() || port < 1 || port > 0xffff) {
        throw wrong(key, text);
      }
      return new Address(host, port);
    } catch (NumberFormatException e) {
      throw wrong(key, text);
    }
  }

  private static ConfigurationException wrong(String key, String text) {
    return new ConfigurationException(
        key + " has '" + text + "', which is no host:port, such as 127.0.0.1:7502");
  }

  @Override
  public String toString() {
    return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
  }
}
