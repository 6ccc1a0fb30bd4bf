/// The Java client: connections, requests and their outcomes, typed handles on keys.
@NullMarked
package dev.trellis.client;

import org.jspecify.annotations.NullMarked;
