package dev.trellis.deploy;

import dev.trellis.cli.ExitCode;
import dev.trellis.monitor.MonitorMain;
import dev.trellis.node.NodeMain;
import dev.trellis.routing.RouterMain;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `run`: is one process of a cluster, for real deployments.
@Command(
    name = "run",
    description = "Run one process of a cluster: node, router or monitor.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis run node --reference > node.conf    every setting, documented",
      "  trellis run node --config node.conf"
    },
    subcommands = {
      RunCommand.NodeCommand.class,
      RunCommand.RouterCommand.class,
      RunCommand.MonitorCommand.class
    })
final class RunCommand {
  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  @SuppressWarnings("UnusedVariable") // for picocli
  private boolean help;

  /// A kind of process. It logs to standard error and stops on SIGTERM.
  abstract static class OfRole implements Callable<Integer> {
    private final Consumer<String[]> main;

    @ArgGroup(multiplicity = "1")
    private Source source = new Source();

    @Option(
        names = {"-h", "--help"},
        usageHelp = true,
        description = "Show this help.")
    @SuppressWarnings("UnusedVariable") // for picocli
    private boolean help;

    OfRole(Consumer<String[]> main) {
      this.main = main;
    }

    /// Exactly one of the two.
    static final class Source {
      @Option(names = "--config", paramLabel = "FILE", description = "The settings, in HOCON.")
      private @Nullable Path config;

      @Option(names = "--reference", description = "Print every setting with its default.")
      @SuppressWarnings("UnusedVariable") // if it is not the one, it is the other
      private boolean reference;
    }

    @Override
    public Integer call() {
      main.accept(
          source.config == null
              ? new String[] {"--reference"}
              : new String[] {"--config", source.config.toString()});
      return ExitCode.OK;
    }
  }

  @Command(name = "node", description = "A storage node.")
  static final class NodeCommand extends OfRole {
    NodeCommand() {
      super(NodeMain::main);
    }
  }

  @Command(name = "monitor", description = "A monitor, with its console.")
  static final class MonitorCommand extends OfRole {
    MonitorCommand() {
      super(arguments -> MonitorMain.run(arguments, ControlOrders::new));
    }
  }

  @Command(name = "router", description = "A router, with the REST gateway.")
  static final class RouterCommand extends OfRole {
    RouterCommand() {
      super(RouterMain::main);
    }
  }
}
