/// Real processes that are killed, paused, cut off, told the wrong time, added and removed, while
/// clients write down what they see of it; and the judgement of what they wrote.
@NullMarked
package dev.trellis.faults;

import org.jspecify.annotations.NullMarked;
