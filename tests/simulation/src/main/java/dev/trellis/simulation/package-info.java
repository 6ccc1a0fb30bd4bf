/// Clusters of real shards on one thread, with time, network and faults drawn from a seed.
@NullMarked
package dev.trellis.simulation;

import org.jspecify.annotations.NullMarked;
