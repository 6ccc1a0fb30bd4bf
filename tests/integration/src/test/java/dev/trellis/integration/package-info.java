/// Tests of real processes, and of the arrows between packages.
@NullMarked
package dev.trellis.integration;

import org.jspecify.annotations.NullMarked;
