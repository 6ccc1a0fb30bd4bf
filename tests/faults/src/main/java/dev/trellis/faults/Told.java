package dev.trellis.faults;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What a step was told, with further fields for its completion in the history.
///
/// @param value as that of a step that tells nothing more
record Told(@Nullable Object value, Map<String, Object> fields) {}
