/// The store beside others, in one run on one machine: an echo server of ours, Redis, Infinispan.
@NullMarked
package dev.trellis.bench.peers;

import org.jspecify.annotations.NullMarked;
