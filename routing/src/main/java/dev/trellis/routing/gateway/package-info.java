/// The REST gateway: HTTP in, requests of the Java client out.
@NullMarked
package dev.trellis.routing.gateway;

import org.jspecify.annotations.NullMarked;
