/// The router: the process that is the cluster's front door, for smart clients and for HTTP.
@NullMarked
package dev.trellis.routing;

import org.jspecify.annotations.NullMarked;
