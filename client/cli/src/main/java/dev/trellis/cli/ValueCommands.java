package dev.trellis.cli;

import java.util.List;

/// The commands of this module.
final class ValueCommands implements CommandSource {
  @Override
  public String heading() {
    return "Values";
  }

  @Override
  public List<Object> commands() {
    return List.of(
        new PutCommand(),
        new GetCommand(),
        new DeleteCommand(),
        new IncrementCommand(),
        new SetCommand(),
        new SortedCommand(),
        new MapCommand(),
        new LogCommand(),
        new MailboxCommand(),
        new AgentCommand(),
        new ExpireCommand(),
        new PlacementCommand(),
        new WatchCommand(),
        new AwaitCommand(),
        new ScanCommand(),
        new ImportCommand(),
        new ExportCommand(),
        new AclCommand(),
        new ShellCommand());
  }
}
