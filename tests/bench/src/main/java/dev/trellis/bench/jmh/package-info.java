/// Benchmarks of single pieces of code, for JMH.
@NullMarked
package dev.trellis.bench.jmh;

import org.jspecify.annotations.NullMarked;
