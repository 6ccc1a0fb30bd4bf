package dev.trellis.cli;

import dev.trellis.client.Call;
import dev.trellis.client.CallOptions;
import dev.trellis.client.ScanPage;
import dev.trellis.client.Trellis;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `export`: writes what is in the store to a file that `import` reads.
@Command(
    name = "export",
    description = "Write the store's keys and values to a file of JSON Lines, which import reads.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis export all.jsonl",
      "  trellis export - --prefix user: | gzip > users.jsonl.gz"
    })
final class ExportCommand extends StoreCommand {
  private static final int PAGE_KEYS = 500;

  @Parameters(
      paramLabel = "FILE",
      description = "The file, written whole or not at all; '-' for standard output.")
  private String file = "";

  @Option(
      names = "--prefix",
      paramLabel = "PREFIX",
      description = "Just the keys with this prefix.")
  private String prefix = "";

  private long exported;

  /// Takes the lines.
  private interface Sink {
    void line(String line) throws IOException;
  }

  @Override
  int run() throws InterruptedException {
    Progress progress = new Progress(console(), "keys", 0);
    Trellis trellis = connection().connect();
    try {
      if (file.equals("-")) {
        export(trellis, progress, console()::printLine);
      } else {
        exportToFile(trellis, progress, Path.of(file).toAbsolutePath());
      }
    } catch (IOException e) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT, "cannot write " + Failures.of(Path.of(file), e), e);
    } finally {
      progress.end();
    }
    if (!file.equals("-")) {
      tell(progress.seconds());
    }
    return ExitCode.OK;
  }

  /// Writes beside the file first, so that a failed export leaves a former one as it was.
  private void exportToFile(Trellis trellis, Progress progress, Path target)
      throws IOException, InterruptedException {
    Path unfinished = target.resolveSibling(target.getFileName() + ".unfinished");
    try {
      try (OutputStream out =
          new BufferedOutputStream(Files.newOutputStream(unfinished), 1 << 16)) {
        export(
            trellis,
            progress,
            line -> {
              out.write(line.getBytes(StandardCharsets.UTF_8));
              out.write('\n');
            });
      }
      Files.move(unfinished, target, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(unfinished);
    }
  }

  private void export(Trellis trellis, Progress progress, Sink sink)
      throws IOException, InterruptedException {
    Payload wanted = Payload.ofText(prefix);
    Optional<Payload> from = Optional.empty();
    do {
      ScanPage page = await(trellis.scan(wanted, from, PAGE_KEYS, true));
      for (String line : lines(trellis, page.keys())) {
        sink.line(line);
        exported++;
      }
      progress.at(0, exported);
      from = page.next();
    } while (from.isPresent());
  }

  private List<String> lines(Trellis trellis, List<Frame.ScannedKey> keys)
      throws InterruptedException {
    CallOptions options = connection().callOptions();
    List<Call> calls =
        keys.stream()
            .filter(found -> !isPlain(found))
            .map(found -> new Call(found.key(), new Read.State(), options))
            .toList();
    List<CompletableFuture<Reply>> states = trellis.executeAll(calls);
    List<String> lines = new ArrayList<>(keys.size());
    long now = System.currentTimeMillis();
    int asked = 0;
    for (Frame.ScannedKey found : keys) {
      Optional<Entry> state = Optional.empty();
      if (!isPlain(found)) {
        View answer = viewOf(await(states.get(asked++)));
        state = answer instanceof View.State(Entry entry) ? Optional.of(entry) : Optional.empty();
      }
      for (Kind kind : found.kinds()) {
        View view =
            found.kinds().size() == 1
                ? found.view()
                : viewOf(execute(found.key(), new Read.Get(Optional.of(kind)), options));
        if (!(view instanceof View.Missing)) {
          lines.add(JsonLine.write(found.key(), kind, view, state, now));
        }
      }
    }
    return lines;
  }

  /// Whether the view tells all that an export needs: for other kinds it lacks the expiry.
  private static boolean isPlain(Frame.ScannedKey found) {
    return found.kinds().equals(List.of(Kind.LWW));
  }

  private void tell(double seconds) {
    if (json()) {
      Map<String, Object> result = new LinkedHashMap<>();
      result.put("exported", exported);
      result.put("seconds", seconds);
      console().printLine(Json.write(result));
    } else {
      console()
          .printLine(
              String.format(
                  Locale.ROOT, "exported %,d keys to %s in %.1f s", exported, file, seconds));
    }
  }
}
