package dev.trellis.deploy;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Failures;
import dev.trellis.cli.Json;
import dev.trellis.cli.StandardOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `demo`: shows on this machine what the store does by itself.
@Command(
    name = "demo",
    description = "Show what the store does by itself: autoscale.",
    subcommands = DemoCommand.AutoscaleCommand.class)
final class DemoCommand {
  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  @SuppressWarnings("UnusedVariable") // for picocli
  private boolean help;

  @Command(
      name = "autoscale",
      description = {
        "Start a small cluster of its own, put a hot key, a spike and cold data on it, and write a page"
            + " with what the monitor did about each. Takes a few minutes.",
        "Fails if an operation failed or a value was lost."
      },
      footerHeading = "%nExamples:%n",
      footer = {
        "  trellis demo autoscale",
        "  trellis demo autoscale --html report.html --port-base 9400",
        "  trellis demo autoscale --secure"
      })
  static final class AutoscaleCommand implements Callable<Integer> {
    @Mixin private final StandardOptions standard = new StandardOptions();

    @Option(
        names = "--port-base",
        paramLabel = "PORT",
        defaultValue = "8400",
        description = "The port of the router of the cluster (default: 8400).")
    private int portBase = 8_400;

    @Option(
        names = "--secure",
        description = "With security = on, to see it at work; that costs some of the speed.")
    private boolean secure;

    @Option(
        names = "--html",
        paramLabel = "FILE",
        description = "Where to write the page (default: autoscale.html).")
    private @Nullable Path html;

    @Option(
        names = "--brief",
        negatable = true,
        description =
            "Loads last, and the monitor waits, a fourth as long: it may not do all that it would.")
    private boolean brief;

    @Override
    public Integer call() throws InterruptedException {
      Console console = standard.console();
      Ports ports = Ports.asked(portBase);
      requireNone(console);
      Path page = html == null ? Path.of("autoscale.html") : html;
      AutoscaleReport report;
      try {
        AutoscaleDemo demo =
            new AutoscaleDemo(
                console,
                ports,
                secure,
                brief,
                standard.json() ? line -> {} : line -> tell(console, line));
        report = demo.run();
        Files.writeString(page, AutoscalePage.of(report));
      } catch (IOException e) {
        throw new CommandFailure(
            ExitCode.ENVIRONMENT, "the demo ended: " + Failures.of(page, e), e);
      }
      if (standard.json()) {
        console.printLine(Json.write(json(report, page)));
      } else {
        report.findings().forEach((what, found) -> tell(console, what + ": " + found));
        tell(console, "The timeline is in " + page.toAbsolutePath() + ".");
      }
      console.flush();
      return report.isFaultless() ? ExitCode.OK : ExitCode.NEGATIVE;
    }

    /// Whatever runs there is not to be played with, nor stopped.
    private void requireNone(Console console) {
      if (ClusterState.read(console, portBase).isPresent()) {
        throw new CommandFailure(
            ExitCode.ENVIRONMENT,
            "a cluster of port "
                + portBase
                + " is there already, and the demo wants one of its own; use another --port-base, or"
                + " stop that one with 'trellis down --port-base "
                + portBase
                + "'");
      }
    }

    private static void tell(Console console, String line) {
      console.printLine(line);
      console.flush();
    }

    private static Map<String, Object> json(AutoscaleReport report, Path page) {
      Map<String, Object> json = new LinkedHashMap<>();
      report.findings().forEach((what, found) -> json.put(what, found));
      json.put("faultless", report.isFaultless());
      json.put("page", page.toString());
      return json;
    }
  }

  /// A number of milliseconds as people say it.
  static String seconds(long millis) {
    return String.format(Locale.ROOT, "%.1f s", millis / 1e3);
  }
}
