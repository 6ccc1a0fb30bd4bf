package dev.trellis.history.command;

import dev.trellis.cli.CommandSource;
import java.util.List;

/// Adds `bin/trellis check`.
public final class HistoryCommands implements CommandSource {
  @Override
  public String heading() {
    return "Try to break it";
  }

  @Override
  public List<Object> commands() {
    return List.of(new CheckCommand());
  }
}
