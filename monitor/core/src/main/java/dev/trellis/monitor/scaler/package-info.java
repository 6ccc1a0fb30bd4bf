/// How a tier comes to have as many nodes as was decided.
@NullMarked
package dev.trellis.monitor.scaler;

import org.jspecify.annotations.NullMarked;
