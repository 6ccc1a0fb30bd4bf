package dev.trellis.deploy;

import dev.trellis.cli.CommandSource;
import java.util.List;

/// The commands that start, stop and show processes.
public final class LauncherCommands implements CommandSource {
  @Override
  public String heading() {
    return "The cluster of this machine";
  }

  @Override
  public List<Object> commands() {
    return List.of(
        new UpCommand(),
        new DownCommand(),
        new StatusCommand(),
        new TopCommand(),
        new NodeCommand(),
        new DemoCommand(),
        new BackupCommand(),
        new VerifyCommand(),
        new RestoreCommand(),
        new SecurityCommand(),
        new RunCommand());
  }
}
