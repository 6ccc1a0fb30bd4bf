/// Which nodes hold a key: the hash ring and replica counts. Pure.
@NullMarked
package dev.trellis.placement;

import org.jspecify.annotations.NullMarked;
