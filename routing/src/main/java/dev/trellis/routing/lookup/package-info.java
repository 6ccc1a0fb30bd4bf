/// The cluster map and the look-ups that smart clients make in it.
@NullMarked
package dev.trellis.routing.lookup;

import org.jspecify.annotations.NullMarked;
