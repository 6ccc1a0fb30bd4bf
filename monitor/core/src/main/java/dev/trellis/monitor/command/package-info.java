/// The commands of the monitor.
@NullMarked
package dev.trellis.monitor.command;

import org.jspecify.annotations.NullMarked;
