package dev.trellis.casestudy;

import dev.trellis.bench.peers.Machine;
import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Json;
import dev.trellis.cli.StandardOptions;
import dev.trellis.client.TrellisException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// The command of a study: what all have in common is where a cluster is started, what is told of
/// the machine, and how it ends.
@SuppressWarnings("FieldCanBeFinal") // picocli sets them
abstract class StudyCommand implements Callable<Integer> {
  @Mixin private final StandardOptions standard = new StandardOptions();

  @Option(
      names = "--port-base",
      paramLabel = "PORT",
      defaultValue = "9600",
      description = "The router's port of the cluster that is started (${DEFAULT-VALUE}).")
  private int portBase;

  /// A study that is ready to begin.
  interface Study {
    StudyReport carryOut() throws IOException, InterruptedException;
  }

  final Console console() {
    return standard.console();
  }

  final int portBase() {
    return portBase;
  }

  /// Adds on what, and of which commit, a study was carried out.
  static void addMachine(Map<String, Object> about) {
    about.put("machine", Machine.describe());
    about.put("commit", Machine.commit(Path.of(System.getProperty("trellis.home", "."))));
  }

  /// Carries a study out and prints what it has found.
  ///
  /// @return the exit status
  final int carryOut(Study study) throws InterruptedException {
    StudyReport report;
    try {
      report = study.carryOut();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (TrellisException e) {
      throw CommandFailure.of(e);
    }
    if (standard.json()) {
      console().printLine(Json.write(report.toJson()));
    } else {
      report.lines().forEach(console()::printLine);
    }
    return report.faults().isEmpty() ? ExitCode.OK : ExitCode.NEGATIVE;
  }
}
