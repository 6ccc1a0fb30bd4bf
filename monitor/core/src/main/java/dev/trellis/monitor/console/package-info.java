/// What people see of the monitor: one page, and the JSON that it is made of. [Console] serves it;
/// a [ConsoleSource] tells what is to be seen, [ConsoleState] is that at one moment, and
/// [ConsoleHistory] what went before, in fixed memory.
///
/// The page is in the resources of this package, as it is sent: nothing builds it, and it loads
/// nothing from elsewhere.
@NullMarked
package dev.trellis.monitor.console;

import org.jspecify.annotations.NullMarked;
