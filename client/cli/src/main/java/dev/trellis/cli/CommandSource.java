package dev.trellis.cli;

import java.util.List;

/// Commands that another module adds to `bin/trellis`. Found through [java.util.ServiceLoader]:
/// name the class in `META-INF/services/dev.trellis.cli.CommandSource`.
///
/// A command is an object annotated with picocli's `@Command` that implements `Callable<Integer>`
/// and returns an [ExitCode]. It mixes in [StandardOptions], and [ConnectionOptions] if it talks to
/// a cluster; it writes to [StandardOptions#console] only, and ends with a [CommandFailure] when it
/// cannot do what was asked.
public interface CommandSource {
  /// The line above these commands in the list that `bin/trellis --help` prints.
  String heading();

  /// The commands, in the order of the help. Called once.
  List<Object> commands();
}
