/// Agents: named objects with state in the store and a mailbox, each active on one host at a time.
/// What they promise and what not is in `docs/agents.md`, why it holds in decision 35.
@NullMarked
package dev.trellis.functions.agent;

import org.jspecify.annotations.NullMarked;
