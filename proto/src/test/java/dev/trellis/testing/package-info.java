/// What the tests of several packages share.
@NullMarked
package dev.trellis.testing;

import org.jspecify.annotations.NullMarked;
