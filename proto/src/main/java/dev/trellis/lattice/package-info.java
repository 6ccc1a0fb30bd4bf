/// The lattice kinds and the entry that holds them: what merges, and how. Pure: reads no clock,
/// does no I/O, knows no network type.
@NullMarked
package dev.trellis.lattice;

import org.jspecify.annotations.NullMarked;
