package dev.trellis.bench;

import dev.trellis.bench.peers.BenchCodeCommand;
import dev.trellis.bench.peers.BenchPeersCommand;
import dev.trellis.cli.CommandSource;
import java.util.List;

/// Adds `bin/trellis bench` and its relatives.
public final class BenchCommands implements CommandSource {
  @Override
  public String heading() {
    return "Measure it";
  }

  @Override
  public List<Object> commands() {
    return List.of(
        new BenchCommand(),
        new BenchNodesCommand(),
        new BenchMailboxCommand(),
        new BenchAgentsCommand(),
        new BenchPeersCommand(),
        new BenchCodeCommand());
  }
}
