package dev.trellis.routing.gateway;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/// The operations that change a value, under the names they have in `POST
/// /v1/keys/{key}/{operation}` and in batches.
enum MutationName {
  PUT,
  RAISE,
  LOWER,
  ENABLE,
  ADD,
  REMOVE,
  APPEND,
  TRIM,
  EXPIRE,
  UPDATE_FIELD,
  REMOVE_FIELD,
  DELETE;

  String word() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /// @throws IllegalArgumentException for an unknown word; the message lists the known ones
  static MutationName ofWord(String word) {
    return Arrays.stream(values())
        .filter(name -> name.word().equals(word))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "unknown operation '" + word + "'; the operations are " + words()));
  }

  static String words() {
    return Arrays.stream(values()).map(MutationName::word).collect(Collectors.joining(", "));
  }
}
