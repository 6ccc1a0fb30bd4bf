/// The way to the sockets that both front doors go.
@NullMarked
package dev.trellis.routing.net;

import org.jspecify.annotations.NullMarked;
