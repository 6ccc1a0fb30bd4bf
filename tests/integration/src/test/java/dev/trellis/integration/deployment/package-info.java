/// What is in `deploy/` and is no program, held against the programs that it is about.
@NullMarked
package dev.trellis.integration.deployment;

import org.jspecify.annotations.NullMarked;
