/// Checkers: whether a history keeps a promise. Each is a pure function of the history.
@NullMarked
package dev.trellis.history.check;

import org.jspecify.annotations.NullMarked;
