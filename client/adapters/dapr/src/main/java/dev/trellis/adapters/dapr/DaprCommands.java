package dev.trellis.adapters.dapr;

import dev.trellis.cli.CommandSource;
import java.util.List;

/// What joins the store to others.
public final class DaprCommands implements CommandSource {
  @Override
  public String heading() {
    return "For others";
  }

  @Override
  public List<Object> commands() {
    return List.of(new DaprCommand());
  }
}
