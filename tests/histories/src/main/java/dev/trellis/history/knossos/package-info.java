/// Knossos, Jepsen's own checker, called through Clojure.
@NullMarked
package dev.trellis.history.knossos;

import org.jspecify.annotations.NullMarked;
