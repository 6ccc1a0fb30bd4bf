/// What to do about what is seen: pure functions from [ClusterView] to [Decision]s, one policy a
/// file. They read no clock and touch nothing, so the same code decides in a process, in a
/// simulation of thousands of nodes and when what was recorded is played again.
///
/// @see "Wu, Sreekanti, Hellerstein, Autoscaling Tiered Cloud Storage in Anna, VLDB 2019, §5,
///   Policy Engine"
@NullMarked
package dev.trellis.monitor.policy;

import org.jspecify.annotations.NullMarked;
