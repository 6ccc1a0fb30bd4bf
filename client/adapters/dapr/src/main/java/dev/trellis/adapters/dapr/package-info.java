/// A state store for Dapr: a pluggable component that Dapr talks to over a socket of this machine.
@NullMarked
package dev.trellis.adapters.dapr;

import org.jspecify.annotations.NullMarked;
