package dev.trellis.cli;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.stream.Collectors;
import picocli.CommandLine;
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
    try {
      int exitCode =
          commandLine(console).execute(arguments.length == 0 ? new String[] {"--help"} : arguments);
      console.flush();
      return exitCode;
    } catch (Console.OutputClosed e) {
      return ExitCode.OUTPUT_CLOSED;
    }
  }

  /// All commands, ready to run, as often as wanted.
  static CommandLine commandLine(Console console) {
    CommandLine trellis = new CommandLine(new TrellisCommand(console));
    Map<String, List<CommandLine>> sections = new LinkedHashMap<>();
    for (CommandSource source : ServiceLoader.load(CommandSource.class)) {
      for (Object command : source.commands()) {
        CommandLine subcommand = new CommandLine(command);
        trellis.addSubcommand(subcommand);
        sections.computeIfAbsent(source.heading(), heading -> new ArrayList<>()).add(subcommand);
      }
    }
    Map<String, CommandLine.IHelpSectionRenderer> help = trellis.getHelpSectionMap();
    help.remove(UsageMessageSpec.SECTION_KEY_COMMAND_LIST_HEADING);
    help.put(UsageMessageSpec.SECTION_KEY_COMMAND_LIST, shown -> commandList(sections));
    return trellis
        .setOut(console.outputWriter())
        .setErr(console.errorWriter())
        .setColorScheme(Help.defaultColorScheme(Help.Ansi.OFF))
        .setUsageHelpWidth(100)
        .setParameterExceptionHandler((failure, typed) -> misused(console, failure, List.of(typed)))
        .setExecutionExceptionHandler(
            (failure, command, parsed) -> failed(console, failure, parsed.originalArgs()));
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
    StringBuilder message = new StringBuilder(failure.getMessage());
    if (failure instanceof UnmatchedArgumentException unmatched
        && !unmatched.getSuggestions().isEmpty()) {
      message.append(
          unmatched.getSuggestions().stream()
              .limit(3)
              .collect(Collectors.joining("' or '", "; did you mean '", "'?")));
    }
    message
        .append("; see '")
        .append(failure.getCommandLine().getCommandSpec().qualifiedName())
        .append(" --help'");
    return told(console, new CommandFailure(ExitCode.MISUSE, message.toString(), failure), typed);
  }

  private static int failed(Console console, Exception failure, List<String> typed) {
    return switch (failure) {
      case Console.OutputClosed closed -> throw closed;
      case InterruptedException interrupted -> ExitCode.INTERRUPTED;
      case CommandFailure known -> told(console, known, typed);
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
