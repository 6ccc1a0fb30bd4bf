/// Functions in AWS Lambda.
@NullMarked
package dev.trellis.adapters.lambda;

import org.jspecify.annotations.NullMarked;
