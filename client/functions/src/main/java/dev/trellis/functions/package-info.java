/// What functions need of a store: state whose changes count once however often a function is run,
/// and communication.
@NullMarked
package dev.trellis.functions;

import org.jspecify.annotations.NullMarked;
