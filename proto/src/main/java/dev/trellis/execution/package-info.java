/// How operations are carried out on an entry: what a read shows of it, what a mutation makes of
/// it. Pure. A shard does so with what it holds, a session with what it has merged.
@NullMarked
package dev.trellis.execution;

import org.jspecify.annotations.NullMarked;
