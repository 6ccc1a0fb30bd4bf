/// `bin/trellis check`.
@NullMarked
package dev.trellis.history.command;

import org.jspecify.annotations.NullMarked;
