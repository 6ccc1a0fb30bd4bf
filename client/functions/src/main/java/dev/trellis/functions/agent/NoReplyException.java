package dev.trellis.functions.agent;

import java.time.Duration;
import java.util.concurrent.TimeUnit;

/// An agent that was asked has not replied in time. Whether it has handled the question, or will
/// yet, is not known.
public final class NoReplyException extends RuntimeException {
  private static final long serialVersionUID = 1;

  NoReplyException(AgentName agent, Duration waited) {
    super(
        "agent "
            + agent
            + " has not replied within "
            + TimeUnit.MILLISECONDS.convert(waited)
            + " ms");
  }
}
