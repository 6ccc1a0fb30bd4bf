/// The kinds of value and how they merge. Pure: no I/O, clock, thread or network type.
@NullMarked
package dev.trellis.lattice;

import org.jspecify.annotations.NullMarked;
