/// Mailboxes: named, durable inboxes for messages between functions, agents and programs.
@NullMarked
package dev.trellis.functions.mailbox;

import org.jspecify.annotations.NullMarked;
