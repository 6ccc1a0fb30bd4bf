package dev.trellis.monitor.command;

import dev.trellis.cli.CommandSource;
import java.util.List;

/// What the monitor decided, and what it would have.
public final class MonitorCommands implements CommandSource {
  @Override
  public String heading() {
    return "What the monitor does";
  }

  @Override
  public List<Object> commands() {
    return List.of(new WhyCommand(), new ReplayCommand());
  }
}
