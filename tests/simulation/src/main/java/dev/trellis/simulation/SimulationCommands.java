package dev.trellis.simulation;

import dev.trellis.cli.CommandSource;
import java.util.List;

/// Adds `bin/trellis simulate`.
public final class SimulationCommands implements CommandSource {
  @Override
  public String heading() {
    return "Try to break it";
  }

  @Override
  public List<Object> commands() {
    return List.of(new SimulateCommand());
  }
}
