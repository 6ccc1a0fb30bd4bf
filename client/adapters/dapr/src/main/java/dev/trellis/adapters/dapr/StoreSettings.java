package dev.trellis.adapters.dapr;

import dev.trellis.client.CallOptions;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.ClientTls;
import dev.trellis.wire.Acknowledgement;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// What stands under `spec.metadata` of a component.
///
/// @param addresses of routers or nodes, at least one
/// @param prefix of all keys of the component; empty for none
/// @param acknowledgement of writes that ask for no consistency
/// @param timeout of each call
/// @param authorities a file with those that sign for the cluster; empty where security is off
/// @param keyFile a file with an API key; empty to show none
record StoreSettings(
    List<String> addresses,
    String prefix,
    Acknowledgement acknowledgement,
    Duration timeout,
    Optional<Path> authorities,
    Optional<Path> keyFile) {
  private static final String ADDRESSES = "addresses";
  private static final String PREFIX = "prefix";
  private static final String ACK = "ack";
  private static final String TIMEOUT = "timeout";
  private static final String AUTHORITIES = "ca";
  private static final String KEY_FILE = "keyFile";
  private static final List<String> ALL =
      List.of(ACK, ADDRESSES, AUTHORITIES, KEY_FILE, PREFIX, TIMEOUT);

  /// What Dapr itself acts on, and passes on all the same.
  private static final Set<String> OF_DAPR =
      Set.of("keyPrefix", "primaryEncryptionKey", "secondaryEncryptionKey");

  private static final String ACTORS = "actorStateStore";

  private static final Duration TIMEOUT_DEFAULT = Duration.ofSeconds(5);

  StoreSettings {
    addresses = List.copyOf(addresses);
  }

  /// @throws IllegalArgumentException for what is missing, unknown or malformed; the message names
  ///   it
  static StoreSettings of(Map<String, String> metadata) {
    TreeSet<String> unknown = new TreeSet<>(metadata.keySet());
    unknown.removeAll(ALL);
    unknown.removeAll(OF_DAPR);
    if (unknown.remove(ACTORS) && Boolean.parseBoolean(metadata.get(ACTORS))) {
      throw new IllegalArgumentException(
          "metadata '"
              + ACTORS
              + "' is true, and actors of Dapr's need transactions and etags, which this store has"
              + " not");
    }
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
        metadata.getOrDefault(PREFIX, ""),
        acknowledgement(metadata.getOrDefault(ACK, "default")),
        timeout(metadata),
        Optional.ofNullable(metadata.get(AUTHORITIES)).map(Path::of),
        Optional.ofNullable(metadata.get(KEY_FILE)).map(Path::of));
  }

  /// How a client reaches the cluster.
  ///
  /// @throws IllegalArgumentException if a file cannot be used, or a key would be sent unencrypted
  ClientConfig clientConfig() {
    ClientConfig config = ClientConfig.of(addresses.toArray(String[]::new)).withAgent("dapr");
    if (authorities.isEmpty()) {
      if (keyFile.isPresent()) {
        throw new IllegalArgumentException(
            "metadata '"
                + KEY_FILE
                + "' needs '"
                + AUTHORITIES
                + "' too: a key is shown over TLS only");
      }
      return config;
    }
    ClientConfig encrypted = config.withTls(ClientTls.trusting(authorities.get()));
    try {
      return keyFile.isEmpty()
          ? encrypted
          : encrypted.withApiKey(Files.readString(keyFile.get()).strip());
    } catch (IOException e) {
      throw new IllegalArgumentException(
          "metadata '" + KEY_FILE + "': cannot read " + keyFile.get(), e);
    }
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
