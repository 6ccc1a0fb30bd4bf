/// What every process of Trellis has around its work: configuration that refuses what it does not
/// know, the admin port, and a clean start and stop.
@NullMarked
package dev.trellis.process;

import org.jspecify.annotations.NullMarked;
