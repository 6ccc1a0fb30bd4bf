/// A storage node: its start, its life, its stop.
@NullMarked
package dev.trellis.node;

import org.jspecify.annotations.NullMarked;
