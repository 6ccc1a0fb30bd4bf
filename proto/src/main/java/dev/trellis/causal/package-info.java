/// Who wrote what, and when: dots, causal contexts, hybrid timestamps. Pure.
@NullMarked
package dev.trellis.causal;

import org.jspecify.annotations.NullMarked;
