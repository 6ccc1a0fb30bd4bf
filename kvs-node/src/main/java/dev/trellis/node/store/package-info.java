/// Where a shard keeps its entries.
@NullMarked
package dev.trellis.node.store;

import org.jspecify.annotations.NullMarked;
