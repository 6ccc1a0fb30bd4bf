/// Guarantees that travel with the function: a session remembers what it wrote and saw, merges that
/// into what it reads, and goes on elsewhere as a token. No coordination is involved.
@NullMarked
package dev.trellis.client.session;

import org.jspecify.annotations.NullMarked;
