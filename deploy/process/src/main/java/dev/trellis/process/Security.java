package dev.trellis.process;

import java.util.List;

/// Whether a process protects what it listens on.
public enum Security {
  /// Nothing is said: only loopback addresses are listened on, and whoever is on this machine may
  /// do everything.
  LOOPBACK_ONLY,
  /// `security = off`: any address may be listened on, and whoever reaches it may do everything.
  OFF,
  /// `security = on`: any address may be listened on; all that travels is encrypted, and nobody is
  /// served who is not known. Needs [Secrets].
  ON;

  /// Reads a key, usually `security`: unset, `off` or `on`.
  ///
  /// @throws ConfigurationException for other words
  public static Security of(StrictConfig config, String key) {
    return config
        .word(key, List.of("off", "on"))
        .map(word -> word.equals("on") ? ON : OFF)
        .orElse(LOOPBACK_ONLY);
  }
}
