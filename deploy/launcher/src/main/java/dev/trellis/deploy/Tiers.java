package dev.trellis.deploy;

import dev.trellis.wire.NodeDescriptor.Tier;
import java.util.stream.Stream;

/// The tiers by their words.
final class Tiers {
  private Tiers() {}

  /// @throws IllegalArgumentException naming the word, if it is none
  static Tier of(String word) {
    return Stream.of(Tier.values())
        .filter(tier -> tier.word().equals(word))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException(word + " is no tier; write memory or ssd"));
  }

  /// As people say it.
  static String spoken(Tier tier) {
    return switch (tier) {
      case MEMORY -> "memory";
      case SSD -> "SSD";
    };
  }
}
