/// The policies against a model of a cluster: 10 to 10,000 nodes and up to 10^9 keys, keys in
/// classes, latencies by queueing theory, time as a number. All follows from scenario, settings and
/// seed; nothing here waits, or is random otherwise.
@NullMarked
package dev.trellis.monitor.simulation;

import org.jspecify.annotations.NullMarked;
