/// The command line: one class per command, output for people and as JSON.
@NullMarked
package dev.trellis.cli;

import org.jspecify.annotations.NullMarked;
