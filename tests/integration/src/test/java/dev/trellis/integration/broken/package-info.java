/// Classes that break every rule of [dev.trellis.integration.ArchitectureTest], each at least one.
@NullMarked
package dev.trellis.integration.broken;

import org.jspecify.annotations.NullMarked;
