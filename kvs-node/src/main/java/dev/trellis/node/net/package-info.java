/// The data plane of a node: sockets, frames, one event loop per shard. In this module the only
/// user of Netty.
@NullMarked
package dev.trellis.node.net;

import org.jspecify.annotations.NullMarked;
