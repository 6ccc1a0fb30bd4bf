/// What two processes say to each other: the messages, their limits, and the codecs that turn them
/// into Protobuf and back. The form is documented in `trellis.proto`.
@NullMarked
package dev.trellis.wire;

import org.jspecify.annotations.NullMarked;
