package dev.trellis.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jline.reader.EOFError;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader.Option;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.Parser.ParseContext;
import org.jline.reader.SyntaxError;
import org.jline.reader.UserInterruptException;
import org.jline.reader.impl.DefaultParser;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/// `shell`: reads commands, runs them, and keeps the connection between them.
@Command(
    name = "shell",
    description = "Type commands one after the other, with history and completion.",
    footerHeading = "%n",
    footer = {
      "Tab completes commands, options and keys; 'exit' or Ctrl-D ends. The history is kept in",
      "~/.trellis/history. Commands may come from a pipe too: all of them are carried out, and the",
      "exit status is that of the first one that failed. A line that begins with # is left out.",
      "",
      "Examples:",
      "  trellis shell",
      "  printf 'put a 1\\nput b 2\\n' | trellis shell"
    })
final class ShellCommand implements Callable<Integer> {
  private static final String PROMPT = "trellis> ";
  private static final List<String> END = List.of("exit", "quit");

  @Mixin private final StandardOptions standard = new StandardOptions();

  /// The address given to the shell is that of all its commands.
  @Mixin private final ConnectionOptions connection = new ConnectionOptions();

  @Override
  public Integer call() throws InterruptedException {
    TrellisCommand root = standard.root();
    Console console = root.console();
    if (root.isShell()) {
      throw new CommandFailure(ExitCode.MISUSE, "this is the shell already; 'exit' ends it");
    }
    CommandLine commands =
        TrellisCli.commandLine(
            new TrellisCommand(console, root.connections(), Optional.of(connection.target())));
    try {
      return console.inputIsTerminal() && console.outputIsTerminal()
          ? converse(console, commands)
          : runAll(console, commands);
    } catch (IOException e) {
      throw new CommandFailure(ExitCode.ENVIRONMENT, "cannot read " + Failures.of(null, e), e);
    }
  }

  private int converse(Console console, CommandLine commands) throws IOException {
    Files.createDirectories(console.home());
    try (Terminal terminal = TerminalBuilder.builder().system(true).build()) {
      Path history = console.home().resolve("history");
      org.jline.reader.LineReader reader =
          LineReaderBuilder.builder()
              .terminal(terminal)
              .appName("trellis")
              .parser(parser())
              .completer(new CommandCompleter(commands, connection))
              .variable(org.jline.reader.LineReader.HISTORY_FILE, history)
              .option(Option.DISABLE_EVENT_EXPANSION, true)
              .build();
      Thread reading = Thread.currentThread();
      // While a command runs, Ctrl-C ends that, and not the shell.
      terminal.handle(Terminal.Signal.INT, signal -> reading.interrupt());
      while (true) {
        try {
          reader.readLine(PROMPT);
          List<String> words = words(reader.getParsedLine().words());
          if (words.size() == 1 && END.contains(words.get(0))) {
            return ExitCode.OK;
          }
          run(console, commands, words);
        } catch (UserInterruptException e) {
          // Ctrl-C at the prompt drops the line.
        } catch (EndOfFileException e) {
          return ExitCode.OK;
        } catch (SyntaxError e) {
          console.errorLine("error: " + e.getMessage());
        }
      }
    }
  }

  private static int runAll(Console console, CommandLine commands) throws IOException {
    LineReader lines = new LineReader(console.input());
    int firstFailure = ExitCode.OK;
    for (Optional<String> line = lines.next(); line.isPresent(); line = lines.next()) {
      int exitCode;
      try {
        List<String> words = words(parser().parse(line.get(), 0, ParseContext.ACCEPT_LINE).words());
        if (words.size() == 1 && END.contains(words.get(0))) {
          break;
        }
        exitCode = run(console, commands, words);
      } catch (EOFError e) {
        console.errorLine("error: line " + lines.lineNumber() + " has a quote that is not closed");
        exitCode = ExitCode.MISUSE;
      }
      firstFailure = firstFailure == ExitCode.OK ? exitCode : firstFailure;
    }
    return firstFailure;
  }

  private static int run(Console console, CommandLine commands, List<String> words) {
    if (words.isEmpty() || words.get(0).startsWith("#")) {
      return ExitCode.OK;
    }
    int exitCode = commands.execute(words.toArray(String[]::new));
    Thread.interrupted(); // it was meant for the command
    console.flush();
    return exitCode;
  }

  private static DefaultParser parser() {
    DefaultParser parser = new DefaultParser();
    parser.setEofOnUnclosedQuote(true);
    return parser;
  }

  /// An empty line has one empty word. What people copy from elsewhere may begin with `trellis`.
  private static List<String> words(List<String> parsed) {
    List<String> words = parsed.equals(List.of("")) ? List.of() : parsed;
    return !words.isEmpty() && words.get(0).equals("trellis")
        ? words.subList(1, words.size())
        : words;
  }
}
