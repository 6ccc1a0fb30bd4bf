/// Scales the tiers of a cluster that runs on Kubernetes.
@NullMarked
package dev.trellis.monitor.kubernetes;

import org.jspecify.annotations.NullMarked;
