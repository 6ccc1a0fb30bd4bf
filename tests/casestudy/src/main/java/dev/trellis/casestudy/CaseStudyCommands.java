package dev.trellis.casestudy;

import dev.trellis.cli.CommandSource;
import java.util.List;

/// Adds `bin/trellis casestudy`.
public final class CaseStudyCommands implements CommandSource {
  @Override
  public String heading() {
    return "Measure it";
  }

  @Override
  public List<Object> commands() {
    return List.of(new CaseStudyCommand());
  }
}
