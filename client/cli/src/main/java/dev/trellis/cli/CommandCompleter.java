package dev.trellis.cli;

import dev.trellis.client.ScanPage;
import dev.trellis.client.TrellisException;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jline.reader.Candidate;
import org.jline.reader.Completer;
import org.jline.reader.ParsedLine;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/// Completes what is typed in the shell: commands, options, kinds, and keys that are in the store.
final class CommandCompleter implements Completer {
  private static final Set<String> KEY_LABELS = Set.of("KEY", "PREFIX");
  private static final int KEYS_MAX = 50;
  private static final long PATIENCE_MILLIS = 500;

  private final CommandLine commands;
  private final ConnectionOptions connection;

  CommandCompleter(CommandLine commands, ConnectionOptions connection) {
    this.commands = commands;
    this.connection = connection;
  }

  @Override
  public void complete(
      org.jline.reader.LineReader reader, ParsedLine line, List<Candidate> candidates) {
    CommandLine command = commands;
    int at = 0;
    while (at < line.wordIndex()) {
      CommandLine inner = command.getSubcommands().get(line.words().get(at));
      if (inner == null) {
        break;
      }
      command = inner;
      at++;
    }
    if (at == line.wordIndex() && !command.getSubcommands().isEmpty()) {
      command.getSubcommands().keySet().forEach(name -> candidates.add(new Candidate(name)));
      return;
    }
    CommandSpec spec = command.getCommandSpec();
    Optional<OptionSpec> pending =
        line.wordIndex() > 0
            ? Optional.ofNullable(spec.findOption(line.words().get(line.wordIndex() - 1)))
            : Optional.empty();
    if (pending.isPresent() && pending.get().arity().max() > 0) {
      if (pending.get().type() == Kind.class) {
        Arrays.stream(Kind.values()).forEach(kind -> candidates.add(new Candidate(kind.word())));
      }
    } else if (line.word().startsWith("-")) {
      spec.options().forEach(option -> candidates.add(new Candidate(option.longestName())));
    } else if (expectsKey(spec, line.words().subList(at, line.wordIndex()))) {
      keys(line.word().substring(0, line.wordCursor()), candidates);
    }
  }

  private static boolean expectsKey(CommandSpec spec, List<String> before) {
    int position = 0;
    for (int i = 0; i < before.size(); i++) {
      OptionSpec option = spec.findOption(before.get(i));
      if (option == null) {
        position++;
      } else if (option.arity().max() > 0) {
        i++; // the option's argument
      }
    }
    int wanted = position;
    return spec.positionalParameters().stream()
        .anyMatch(
            parameter ->
                KEY_LABELS.contains(parameter.paramLabel()) && parameter.index().contains(wanted));
  }

  /// Nothing is offered where the store does not answer at once: completion is a convenience.
  private void keys(String prefix, List<Candidate> candidates) {
    try {
      ScanPage page =
          connection
              .connect()
              .scan(Payload.ofText(prefix), Optional.empty(), KEYS_MAX, false)
              .get(PATIENCE_MILLIS, TimeUnit.MILLISECONDS);
      page.keys().stream()
          .filter(found -> found.key().isText())
          .forEach(found -> candidates.add(new Candidate(found.key().text())));
    } catch (ExecutionException | TimeoutException | TrellisException | CommandFailure e) {
      // no keys to offer
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
