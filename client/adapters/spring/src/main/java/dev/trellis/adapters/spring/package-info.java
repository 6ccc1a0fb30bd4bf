/// Trellis in programs made with Spring Boot, and functions for Spring Cloud Function.
@NullMarked
package dev.trellis.adapters.spring;

import org.jspecify.annotations.NullMarked;
