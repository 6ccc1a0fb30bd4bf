/// The launcher: what turns a command line into running processes on this machine.
@NullMarked
package dev.trellis.deploy;

import org.jspecify.annotations.NullMarked;
