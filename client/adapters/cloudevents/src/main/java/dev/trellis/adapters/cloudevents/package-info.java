/// Functions that take CloudEvents over HTTP, as Knative and other brokers deliver them.
@NullMarked
package dev.trellis.adapters.cloudevents;

import org.jspecify.annotations.NullMarked;
