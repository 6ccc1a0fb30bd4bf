/// What nodes report of themselves, collected for the policies.
@NullMarked
package dev.trellis.monitor.statistics;

import org.jspecify.annotations.NullMarked;
