/// Pages with drawings that need nothing but themselves: no file, no script, nothing from
/// elsewhere.
@NullMarked
package dev.trellis.plot;

import org.jspecify.annotations.NullMarked;
