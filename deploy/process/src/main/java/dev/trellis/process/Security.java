package dev.trellis.process;

import java.util.List;

/// Whether a process protects what it listens on. There is no protection yet, so the choice is
/// between listening on loopback only and saying aloud that everybody may come.
public enum Security {
  /// Nothing is said: only loopback addresses are listened on.
  LOOPBACK_ONLY,
  /// `security = off`: any address may be listened on, and whoever reaches it may do everything.
  OFF;

  /// Reads a key, usually `security`: unset, or `off`.
  ///
  /// @throws ConfigurationException for `on`, which cannot be had yet, and for other words
  public static Security of(StrictConfig config, String key) {
    return config
        .word(key, List.of("off", "on"))
        .map(
            word -> {
              if (word.equals("on")) {
                throw config.wrong(
                    key,
                    "cannot be had yet: this version has no authentication and no encryption;"
                        + " leave it out to listen on loopback only, or write off");
              }
              return OFF;
            })
        .orElse(LOOPBACK_ONLY);
  }
}
