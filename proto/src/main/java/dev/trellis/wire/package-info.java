/// The messages that processes exchange, and the codecs that alone know their bytes. No I/O.
@NullMarked
package dev.trellis.wire;

import org.jspecify.annotations.NullMarked;
