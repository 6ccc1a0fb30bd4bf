/// Causality: dots, causal contexts and hybrid timestamps. Pure: reads no clock, does no I/O.
@NullMarked
package dev.trellis.causal;

import org.jspecify.annotations.NullMarked;
