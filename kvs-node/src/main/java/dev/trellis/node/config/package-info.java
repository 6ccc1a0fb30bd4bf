/// The settings of a node: read strictly, checked once, immutable.
@NullMarked
package dev.trellis.node.config;

import org.jspecify.annotations.NullMarked;
