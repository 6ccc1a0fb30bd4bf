/// Linearizability: whether all calls could have happened one after the other, each at some moment
/// between its invocation and its completion, as if on a single copy.
@NullMarked
package dev.trellis.history.linear;

import org.jspecify.annotations.NullMarked;
