/// A node's life: configuration, start and stop, administration over HTTP.
@NullMarked
package dev.trellis.node.control;

import org.jspecify.annotations.NullMarked;
