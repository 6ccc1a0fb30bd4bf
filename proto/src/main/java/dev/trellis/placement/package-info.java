/// Which shard of which node holds a key: the ring that clients and nodes must agree on. Pure.
@NullMarked
package dev.trellis.placement;

import org.jspecify.annotations.NullMarked;
