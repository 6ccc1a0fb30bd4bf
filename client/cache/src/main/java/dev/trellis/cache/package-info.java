/// The near cache: reads that are answered in the client, and how new the answers are.
@NullMarked
package dev.trellis.cache;

import org.jspecify.annotations.NullMarked;
