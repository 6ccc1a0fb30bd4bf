/// The extensible data notation: values as text.
@NullMarked
package dev.trellis.history.edn;

import org.jspecify.annotations.NullMarked;
