package dev.trellis.history.edn;

import org.jspecify.annotations.Nullable;

/// A tagged element, such as `#inst "2026-01-01"`. The tag is kept and not interpreted.
public record Tagged(Symbol tag, @Nullable Object value) {}
