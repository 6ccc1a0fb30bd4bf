/// What people see of the monitor.
@NullMarked
package dev.trellis.monitor.console;

import org.jspecify.annotations.NullMarked;
