package dev.trellis.adapters.dapr;

import dev.trellis.client.CallOptions;
import dev.trellis.wire.Acknowledgement;
import java.time.Duration;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;

/// What stands under `spec.metadata` of a component.
///
/// @param addresses of routers or nodes, at least one
/// @param keyPrefix of all keys of the component; empty for none
/// @param acknowledgement of writes that ask for no consistency
/// @param timeout of each call
record StoreSettings(
    List<String> addresses, String keyPrefix, Acknowledgement acknowledgement, Duration timeout) {
  private static final String ADDRESSES = "addresses";
  private static final String KEY_PREFIX = "keyPrefix";
  private static final String ACK = "ack";
  private static final String TIMEOUT = "timeout";
  private static final List<String> ALL = List.of(ACK, ADDRESSES, KEY_PREFIX, TIMEOUT);

  private static final Duration TIMEOUT_DEFAULT = Duration.ofSeconds(5);

  StoreSettings {
    addresses = List.copyOf(addresses);
  }

  /// @throws IllegalArgumentException for what is missing, unknown or malformed; the message names
  ///   it
  static StoreSettings of(Map<String, String> metadata) {
    TreeSet<String> unknown = new TreeSet<>(metadata.keySet());
    unknown.removeAll(ALL);
    if (!unknown.isEmpty()) {
      throw new IllegalArgumentException(
          "metadata '" + unknown.first() + "' is unknown; known are " + String.join(", ", ALL));
    }
    List<String> addresses = new ArrayList<>();
    Arrays.stream(metadata.getOrDefault(ADDRESSES, "").split(",", -1))
        .map(String::strip)
        .filter(address -> !address.isEmpty())
        .forEach(addresses::add);
    if (addresses.isEmpty()) {
      throw new IllegalArgumentException(
          "metadata '"
              + ADDRESSES
              + "' is missing: where routers or nodes of the cluster are, such as"
              + " 127.0.0.1:7400; several are separated by commas");
    }
    return new StoreSettings(
        addresses,
        metadata.getOrDefault(KEY_PREFIX, ""),
        acknowledgement(metadata.getOrDefault(ACK, "default")),
        timeout(metadata));
  }

  private static Acknowledgement acknowledgement(String word) {
    return switch (word) {
      case "default" -> Acknowledgement.DEFAULT;
      case "one" -> Acknowledgement.ONE;
      case "replicated" -> Acknowledgement.REPLICATED;
      case "durable" -> Acknowledgement.DURABLE;
      default ->
          throw new IllegalArgumentException(
              "metadata '"
                  + ACK
                  + "' is '"
                  + word
                  + "'; it can be default, one, replicated or durable");
    };
  }

  private static Duration timeout(Map<String, String> metadata) {
    String text = metadata.get(TIMEOUT);
    if (text == null) {
      return TIMEOUT_DEFAULT;
    }
    try {
      Duration time = Duration.parse("PT" + text.strip().toUpperCase(Locale.ROOT));
      CallOptions unused = CallOptions.DEFAULT.withTimeout(time); // refuses what no call takes
      return time;
    } catch (DateTimeParseException | IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "metadata '"
              + TIMEOUT
              + "' is '"
              + text
              + "'; it can be 0.001s to 24h, such as 5s or 1m30s",
          e);
    }
  }
}
