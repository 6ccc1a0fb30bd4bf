/// What was decided, why, and what came of it: kept in the store itself, so that it outlives the
/// monitor and anybody may read it.
@NullMarked
package dev.trellis.monitor.decisions;

import org.jspecify.annotations.NullMarked;
