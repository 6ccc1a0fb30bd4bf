package dev.trellis.bench.peers;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.StandardOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/// `bin/trellis bench-code`: benchmarks of single pieces of code.
@Command(
    name = "bench-code",
    description = {
      "Measure merges, codecs and the engine with JMH, the JVM's harness for small pieces of code.",
      "What follows -- goes to JMH."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis bench-code",
      "  trellis bench-code MergeBenchmark -- -f 1 -prof gc",
      "  trellis bench-code -- -l            which there are"
    })
@SuppressWarnings("FieldCanBeFinal") // picocli sets them
public final class BenchCodeCommand implements Callable<Integer> {
  @Mixin private final StandardOptions standard = new StandardOptions();

  @Parameters(
      paramLabel = "BENCHMARK",
      arity = "0..*",
      description = "Regular expressions of names; all by default.")
  private List<String> arguments = new ArrayList<>();

  @Override
  public Integer call() throws InterruptedException {
    Path home = Path.of(System.getProperty("trellis.home", "."));
    Path jars = Lab.peerJars(home);
    if (!Files.isDirectory(jars)) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT,
          "JMH is not in an installed distribution; build the source tree and call its bin/trellis");
    }
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-cp",
            System.getProperty("java.class.path") + java.io.File.pathSeparator + jars.resolve("*"),
            "org.openjdk.jmh.Main"));
    command.addAll(arguments);
    standard.console().flush();
    try {
      Process jmh = new ProcessBuilder(command).inheritIO().start();
      return jmh.waitFor() == 0 ? ExitCode.OK : ExitCode.ENVIRONMENT;
    } catch (IOException e) {
      throw new CommandFailure(ExitCode.ENVIRONMENT, "JMH does not start: " + e.getMessage(), e);
    }
  }
}
