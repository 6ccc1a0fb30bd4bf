/// The state of one shard and its one writer, a state machine. Pure: time and messages come in as
/// arguments.
@NullMarked
package dev.trellis.node.shard;

import org.jspecify.annotations.NullMarked;
