/// A cloud in one process: runs functions as clouds do, with all that clouds do to them, so that a
/// function can be tested against it, or run on a single machine.
@NullMarked
package dev.trellis.functions.runtime;

import org.jspecify.annotations.NullMarked;
