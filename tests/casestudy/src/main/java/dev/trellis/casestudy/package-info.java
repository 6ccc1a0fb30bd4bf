/// What functions do with a store, measured beside published figures.
@NullMarked
package dev.trellis.casestudy;

import org.jspecify.annotations.NullMarked;
