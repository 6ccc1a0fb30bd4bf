package dev.trellis.bench;

import dev.trellis.cli.CommandSource;
import java.util.List;

/// Adds `bin/trellis bench` and `bin/trellis bench-nodes`.
public final class BenchCommands implements CommandSource {
  @Override
  public String heading() {
    return "Measure it";
  }

  @Override
  public List<Object> commands() {
    return List.of(new BenchCommand(), new BenchNodesCommand());
  }
}
