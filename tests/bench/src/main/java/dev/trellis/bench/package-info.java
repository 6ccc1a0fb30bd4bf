/// Load against real nodes, and latencies that count the time a request waited.
@NullMarked
package dev.trellis.bench;

import org.jspecify.annotations.NullMarked;
