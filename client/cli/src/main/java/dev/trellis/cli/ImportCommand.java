package dev.trellis.cli;

import dev.trellis.client.CallOptions;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `import`: merges the lines of a file into the store.
@Command(
    name = "import",
    description = "Merge a file of JSON Lines into the store.",
    footerHeading = "%nA line is a key:%n",
    footer = {
      "  {\"key\": \"greeting\", \"kind\": \"lww\", \"value\": \"hello\", \"ttlMillis\": 60000}",
      "  {\"key\": \"visits\", \"kind\": \"counter\", \"value\": 3}",
      "  {\"key\": \"langs\", \"kind\": \"orset\", \"value\": [\"clojure\", \"java\"]}",
      "",
      "Values merge with what is there. So a second import of the same file changes nothing, except",
      "that a counter is added to again, a log gets its records again and a causal value its",
      "siblings.",
      "",
      "Examples:",
      "  trellis import packages.jsonl",
      "  trellis export - --address old:7400 | trellis import - --address new:7400"
    })
final class ImportCommand extends StoreCommand {
  @Mixin private final WriteOptions write = new WriteOptions();

  @Parameters(paramLabel = "FILE", description = "The file; '-' for standard input.")
  private String file = "";

  @Option(
      names = "--continue-on-error",
      description =
          "Tell of each line that cannot be imported, and go on; exit with 1 if there was one.")
  private boolean continueOnError;

  private long failedLines;

  @Override
  int run() throws InterruptedException {
    CallOptions options = write.applyTo(connection().callOptions());
    @Nullable Path path = file.equals("-") ? null : Path.of(file);
    try (InputStream source =
        new BufferedInputStream(path == null ? console().input() : Files.newInputStream(path))) {
      Progress progress = new Progress(console(), "keys", path == null ? 0 : Files.size(path));
      Importer importer = new Importer(connection().connect(), options, this::lineFailed);
      try {
        readAll(new LineReader(source), importer, progress);
        importer.finish();
      } finally {
        progress.end();
      }
      return tell(importer, progress.seconds());
    } catch (IOException e) {
      throw new CommandFailure(ExitCode.ENVIRONMENT, "cannot read " + Failures.of(path, e), e);
    }
  }

  private void readAll(LineReader lines, Importer importer, Progress progress)
      throws IOException, InterruptedException {
    boolean more = true;
    while (more) {
      Optional<JsonLine> parsed = Optional.empty();
      int length = 0;
      try {
        Optional<String> line = lines.next();
        more = line.isPresent();
        length = line.map(String::length).orElse(0);
        parsed =
            line.filter(text -> !text.isBlank())
                .map(text -> JsonLine.parse(text, System.currentTimeMillis()));
      } catch (CharacterCodingException e) {
        malformed(lines, importer, "is not UTF-8; write other bytes as {\"base64\": \"…\"}", e);
      } catch (IllegalArgumentException e) {
        malformed(lines, importer, String.valueOf(e.getMessage()), e);
      }
      if (parsed.isPresent()) {
        importer.add(lines.lineNumber(), parsed.get(), length);
      }
      progress.at(lines.bytesRead(), importer.imported());
    }
  }

  /// Lines before it are brought to an end first, so that the count told is right.
  private void malformed(LineReader lines, Importer importer, String problem, Exception cause)
      throws InterruptedException {
    if (!continueOnError) {
      importer.finish();
    }
    lineFailed(
        new Importer.Failure(
            lines.lineNumber(),
            importer.imported(),
            new CommandFailure(ExitCode.MISUSE, problem, cause)));
  }

  private void lineFailed(Importer.Failure failure) {
    failedLines++;
    String where = (file.equals("-") ? "standard input" : file) + ", line " + failure.lineNumber();
    String problem = where + ": " + failure.cause().getMessage();
    if (continueOnError) {
      console().errorLine("error: " + problem);
      return;
    }
    throw new CommandFailure(
        failure.cause().exitCode(),
        problem
            + "; stopped there, with "
            + failure.imported()
            + " lines imported ('--continue-on-error' would go on)",
        failure.cause().code(),
        failure.cause());
  }

  private int tell(Importer importer, double seconds) {
    if (json()) {
      Map<String, Object> result = new LinkedHashMap<>();
      result.put("imported", importer.imported());
      result.put("failed", failedLines);
      result.put("seconds", seconds);
      console().printLine(Json.write(result));
    } else {
      console()
          .printLine(
              String.format(
                  Locale.ROOT,
                  "imported %,d keys in %.1f s%s",
                  importer.imported(),
                  seconds,
                  failedLines == 0 ? "" : String.format(Locale.ROOT, ", %,d failed", failedLines)));
    }
    return failedLines == 0 ? ExitCode.OK : ExitCode.NEGATIVE;
  }
}
