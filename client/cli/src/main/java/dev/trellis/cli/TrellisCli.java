package dev.trellis.cli;

import dev.trellis.client.TrellisException;
import dev.trellis.lattice.Kind;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.ReadMode;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.function.Function;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.UsageMessageSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/// The command line `bin/trellis`: finds the commands, runs the one that was asked for, and turns
/// whatever goes wrong into one line on standard error and an [ExitCode].
public final class TrellisCli {
  private TrellisCli() {}

  public static void main(String[] arguments) {
    System.exit(execute(Console.ofProcess(), arguments));
  }

  /// Runs one command line and returns its [ExitCode]. Without arguments, shows the help.
  public static int execute(Console console, String... arguments) {
    String[] typed = arguments.length == 0 ? new String[] {"--help"} : arguments;
    try (Connections connections = new Connections()) {
      TrellisCommand root = new TrellisCommand(console, connections, Optional.empty());
      int exitCode = commandLine(root, typed[0]).execute(typed);
      console.flush();
      return exitCode;
    } catch (Console.OutputClosed e) {
      return ExitCode.OUTPUT_CLOSED;
    }
  }

  /// All commands, ready to run, as often as wanted.
  static CommandLine commandLine(TrellisCommand root) {
    return commandLine(root, sections());
  }

  /// The command of this name alone, if there is one, else all: picocli takes as long to look at
  /// all commands as one of them takes to run.
  private static CommandLine commandLine(TrellisCommand root, String name) {
    Map<String, List<Object>> sections = sections();
    for (Map.Entry<String, List<Object>> section : sections.entrySet()) {
      for (Object command : section.getValue()) {
        Command annotation = command.getClass().getAnnotation(Command.class);
        if (annotation != null && annotation.name().equals(name)) {
          return commandLine(root, Map.of(section.getKey(), List.of(command)));
        }
      }
    }
    return commandLine(root, sections);
  }

  /// The commands there are, by the heading they stand under.
  private static Map<String, List<Object>> sections() {
    Map<String, List<Object>> sections = new LinkedHashMap<>();
    CommandSource own = new ValueCommands();
    sections.put(own.heading(), own.commands());
    for (CommandSource source : ServiceLoader.load(CommandSource.class)) {
      sections
          .computeIfAbsent(source.heading(), heading -> new ArrayList<>())
          .addAll(source.commands());
    }
    return sections;
  }

  private static CommandLine commandLine(
      TrellisCommand root, Map<String, List<Object>> commandsByHeading) {
    Console console = root.console();
    CommandLine trellis = new CommandLine(root);
    Map<String, List<CommandLine>> sections = new LinkedHashMap<>();
    commandsByHeading.forEach(
        (heading, commands) -> {
          List<CommandLine> section = new ArrayList<>();
          for (Object command : commands) {
            CommandLine subcommand = new CommandLine(command);
            // Else a negative number to add would be taken for an unknown option.
            subcommand.setUnmatchedOptionsArePositionalParams(command instanceof IncrementCommand);
            keepOrder(subcommand);
            trellis.addSubcommand(subcommand);
            section.add(subcommand);
          }
          sections.put(heading, section);
        });
    Map<String, CommandLine.IHelpSectionRenderer> help = trellis.getHelpSectionMap();
    help.remove(UsageMessageSpec.SECTION_KEY_COMMAND_LIST_HEADING);
    help.put(UsageMessageSpec.SECTION_KEY_COMMAND_LIST, shown -> commandList(sections));
    return trellis
        .registerConverter(Duration.class, new Durations())
        .registerConverter(Kind.class, word -> parse(word, Kind::ofWord))
        .registerConverter(Acknowledgement.class, word -> parse(word, Acknowledgement::ofWord))
        .registerConverter(ReadMode.class, word -> parse(word, ReadMode::ofWord))
        .setOut(console.outputWriter())
        .setErr(console.errorWriter())
        .setColorScheme(Help.defaultColorScheme(Help.Ansi.OFF))
        .setUsageHelpWidth(100)
        .setParameterExceptionHandler((failure, typed) -> misused(console, failure, List.of(typed)))
        .setExecutionExceptionHandler(
            (failure, command, parsed) -> failed(console, failure, parsed.originalArgs()));
  }

  /// Help shows options as they are declared, what is special to a command first.
  private static void keepOrder(CommandLine command) {
    command.getCommandSpec().usageMessage().sortOptions(false).sortSynopsis(false);
    command.getSubcommands().values().forEach(TrellisCli::keepOrder);
  }

  private static <T> T parse(String word, Function<String, T> parser) {
    try {
      return parser.apply(word);
    } catch (IllegalArgumentException e) {
      throw new CommandLine.TypeConversionException(String.valueOf(e.getMessage()));
    }
  }

  private static String commandList(Map<String, List<CommandLine>> sections) {
    StringBuilder list = new StringBuilder();
    sections.forEach(
        (heading, commands) -> {
          list.append('\n').append(heading).append(":\n");
          for (CommandLine command : commands) {
            String name = command.getCommandName();
            String[] description = command.getCommandSpec().usageMessage().description();
            list.append("  ").append(name).append(" ".repeat(Math.max(1, 13 - name.length())));
            list.append(description.length == 0 ? "" : description[0]).append('\n');
          }
        });
    return list.toString();
  }

  private static int misused(Console console, ParameterException failure, List<String> typed) {
    String help = "see '" + failure.getCommandLine().getCommandSpec().qualifiedName() + " --help'";
    String message =
        failure instanceof UnmatchedArgumentException unmatched
            ? unmatched(unmatched) + help
            : startingSmall(String.valueOf(failure.getMessage())) + "; " + help;
    return told(console, new CommandFailure(ExitCode.MISUSE, message, failure), typed);
  }

  private static String unmatched(UnmatchedArgumentException failure) {
    CommandLine command = failure.getCommandLine();
    Set<String> commands = command.getSubcommands().keySet();
    String typed = failure.getUnmatched().get(0);
    String what;
    Set<String> known;
    if (failure.isUnknownOption()) {
      what = "unknown option '";
      known = command.getCommandSpec().optionsMap().keySet();
    } else {
      what = commands.isEmpty() ? "one argument too many: '" : "unknown command '";
      known = commands;
    }
    return what
        + typed
        + "'; "
        + Nearest.to(typed, known).map(near -> "did you mean '" + near + "'? Else ").orElse("");
  }

  private static String startingSmall(String sentence) {
    return sentence.substring(0, 1).toLowerCase(Locale.ROOT) + sentence.substring(1);
  }

  private static int failed(Console console, Exception failure, List<String> typed) {
    return switch (failure) {
      case Console.OutputClosed closed -> ExitCode.OUTPUT_CLOSED;
      case InterruptedException interrupted -> ExitCode.INTERRUPTED;
      case CommandFailure known -> told(console, known, typed);
      case TrellisException refused -> told(console, CommandFailure.of(refused), typed);
      default -> {
        console.errorText(stackTrace(failure));
        yield told(
            console,
            new CommandFailure(
                ExitCode.DEFECT,
                "this is a defect of Trellis, please report it with the lines above",
                failure),
            List.of());
      }
    };
  }

  /// Tells what went wrong in one line, as JSON if that was asked for, and returns the exit status.
  private static int told(Console console, CommandFailure failure, List<String> typed) {
    if (typed.contains("--verbose")) {
      console.errorText(stackTrace(failure));
    }
    // A misused command line has not been taken apart, so its options are looked for in the text.
    console.errorLine(
        typed.contains("--json")
            ? Json.write(Map.of("error", errorOf(failure)))
            : "error: " + failure.getMessage());
    return failure.exitCode();
  }

  private static Map<String, Object> errorOf(CommandFailure failure) {
    Map<String, Object> error = new LinkedHashMap<>();
    failure.code().ifPresent(code -> error.put("code", code.name()));
    error.put("message", Optional.ofNullable(failure.getMessage()).orElse(""));
    error.put("exitCode", failure.exitCode());
    return error;
  }

  private static String stackTrace(Exception failure) {
    StringWriter text = new StringWriter();
    failure.printStackTrace(new PrintWriter(text));
    return text.toString();
  }
}
