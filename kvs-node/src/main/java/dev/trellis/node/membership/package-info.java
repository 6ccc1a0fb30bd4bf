/// Who belongs to the cluster, as one node sees it, and what a node does about it: joining,
/// founding, leaving. Pure but for [dev.trellis.node.membership.Membership], which the control
/// plane implements.
@NullMarked
package dev.trellis.node.membership;

import org.jspecify.annotations.NullMarked;
