/// A store of one node for a user's own tests, as a JUnit extension.
@NullMarked
package dev.trellis.junit;

import org.jspecify.annotations.NullMarked;
