package dev.trellis.faults;

import dev.trellis.cli.CommandSource;
import java.util.List;

/// Adds `bin/trellis test-faults`.
public final class FaultCommands implements CommandSource {
  @Override
  public String heading() {
    return "Try to break it";
  }

  @Override
  public List<Object> commands() {
    return List.of(new TestFaultsCommand());
  }
}
