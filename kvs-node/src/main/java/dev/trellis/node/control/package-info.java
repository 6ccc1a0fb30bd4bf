/// The control plane: who belongs to the cluster, and the orders that a node takes. The only place
/// in a node that knows JeroMQ and ScaleCube.
@NullMarked
package dev.trellis.node.control;

import org.jspecify.annotations.NullMarked;
