package dev.trellis.history.command;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Json;
import dev.trellis.cli.StandardOptions;
import dev.trellis.history.History;
import dev.trellis.history.HistoryException;
import dev.trellis.history.HistoryReader;
import dev.trellis.history.check.CheckResult;
import dev.trellis.history.check.Checker;
import dev.trellis.history.check.EachKey;
import dev.trellis.history.edn.Edn;
import dev.trellis.history.edn.Keyword;
import dev.trellis.history.knossos.KnossosEngine;
import dev.trellis.history.knossos.KnossosMissingException;
import dev.trellis.history.linear.AgreeingEngines;
import dev.trellis.history.linear.Engine;
import dev.trellis.history.linear.EnginesDisagreeException;
import dev.trellis.history.linear.Linearizable;
import dev.trellis.history.linear.Model;
import dev.trellis.history.linear.TrellisEngine;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `bin/trellis check`: whether a recorded history is linearizable.
@Command(
    name = "check",
    description = {
      "Check whether a history in Jepsen's EDN form is linearizable.",
      "The file has one operation a line, or a vector of them, each such as",
      "{:process 3, :type :ok, :f :read, :value 5}. Operations of processes that are no numbers,",
      "such as :nemesis, are ignored. Prints {:valid? true}, false or :unknown, and for false the",
      "length of the shortest prefix that no order of the calls explains, and what is wrong there."
    },
    footer = {
      "",
      "Exit codes: 0 valid, 1 invalid, 3 unknown (out of time or memory), 2 misused, a file that",
      "cannot be read or is no history included.",
      "",
      "Examples:",
      "  trellis check history.edn --model register",
      "  trellis check history.edn --model set --time-limit 5m --json"
    })
@SuppressWarnings({"UnusedVariable", "FieldCanBeFinal"}) // picocli sets them
final class CheckCommand implements Callable<Integer> {
  /// Of `check` only: elsewhere 3 means that the cluster refused.
  private static final int UNKNOWN = 3;

  private static final List<String> ENGINES = List.of("trellis", "knossos");

  @Mixin private final StandardOptions options = new StandardOptions();

  @Parameters(paramLabel = "FILE", description = "The history; - for standard input.")
  private String file = "";

  @Option(
      names = "--model",
      paramLabel = "MODEL",
      defaultValue = "cas-register",
      description =
          "What the clients used: cas-register, register, mutex or set (${DEFAULT-VALUE}).")
  private String model = "";

  @Option(
      names = "--engine",
      paramLabel = "ENGINE",
      defaultValue = "trellis",
      description = {
        "trellis, or knossos: then both check, and must agree (${DEFAULT-VALUE}).",
        "Knossos is there after a build with 'mvn -P knossos package'."
      })
  private String engine = "";

  @Option(
      names = "--time-limit",
      paramLabel = "TIME",
      defaultValue = "60s",
      converter = TimeLimit.class,
      description = "After this time the answer is unknown: 500ms, 60s, 5m (${DEFAULT-VALUE}).")
  private Duration timeLimit = Duration.ZERO;

  @Option(
      names = "--each-key",
      description = {
        "The values are [key value]: check what was done to each key by itself. The time limit is",
        "for each key."
      })
  private boolean eachKey;

  @Override
  public Integer call() {
    requireOneOf("--model", model, Model.NAMES);
    requireOneOf("--engine", engine, ENGINES);
    try {
      History history = read();
      Checker linearizable = new Linearizable(engine(), model, timeLimit);
      CheckResult result = (eachKey ? new EachKey(linearizable) : linearizable).check(history);
      print(result);
      return exitCode(result);
    } catch (HistoryException | KnossosMissingException e) {
      throw new CommandFailure(ExitCode.MISUSE, String.valueOf(e.getMessage()), e);
    } catch (EnginesDisagreeException e) {
      throw new CommandFailure(
          ExitCode.DEFECT, e.getMessage() + "; please report it with the history", e);
    }
  }

  private Engine engine() {
    Engine ours = new TrellisEngine();
    return engine.equals("knossos") ? new AgreeingEngines(ours, new KnossosEngine()) : ours;
  }

  private static void requireOneOf(String option, String value, List<String> allowed) {
    if (!allowed.contains(value)) {
      throw new CommandFailure(
          ExitCode.MISUSE, option + " '" + value + "' should be " + String.join(", ", allowed));
    }
  }

  private History read() {
    try {
      if (file.equals("-")) {
        return new HistoryReader(
                new InputStreamReader(
                    options.console().input(), StandardCharsets.UTF_8.newDecoder()),
                "standard input")
            .readAll();
      }
      Path path = Path.of(file);
      if (Files.isDirectory(path)) {
        throw new CommandFailure(
            ExitCode.MISUSE, file + " is a folder; name the file with the history in it");
      }
      return HistoryReader.read(path);
    } catch (NoSuchFileException | InvalidPathException e) {
      throw new CommandFailure(ExitCode.MISUSE, "there is no file " + file, e);
    } catch (AccessDeniedException e) {
      throw new CommandFailure(ExitCode.MISUSE, file + " may not be read", e);
    } catch (IOException e) {
      throw new CommandFailure(ExitCode.MISUSE, file + " cannot be read: " + e.getMessage(), e);
    }
  }

  private void print(CheckResult result) {
    Console console = options.console();
    if (!options.json()) {
      console.printLine(Edn.write(result.toEdn()));
      return;
    }
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("valid", result.verdict().toJson());
    for (Map.Entry<Keyword, @Nullable Object> field : result.toEdn().entrySet()) {
      if (!field.getKey().name().equals("valid?")) {
        json.put(EdnToJson.fieldName(field.getKey().name()), EdnToJson.convert(field.getValue()));
      }
    }
    console.printLine(Json.write(json));
  }

  private static int exitCode(CheckResult result) {
    return switch (result.verdict()) {
      case VALID -> ExitCode.OK;
      case INVALID -> ExitCode.NEGATIVE;
      case UNKNOWN -> UNKNOWN;
    };
  }
}
