package dev.trellis.cli;

import dev.trellis.client.ScanPage;
import dev.trellis.client.Trellis;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Frame;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `scan`: lists keys.
@Command(
    name = "scan",
    description = "List keys in byte order, by prefix.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis scan",
      "  trellis scan user: --values",
      "  trellis scan user: --after user:7 --limit 100"
    })
final class ScanCommand extends StoreCommand {
  private static final int PAGE_KEYS = 1_000;

  @Parameters(
      paramLabel = "PREFIX",
      arity = "0..1",
      description = "What the keys start with; all keys by default.")
  private String prefix = "";

  @Option(names = "--after", paramLabel = "KEY", description = "Start with the key after this one.")
  private @Nullable String after;

  @Option(names = "--limit", paramLabel = "N", description = "List at most N keys.")
  private long limit = Long.MAX_VALUE;

  @Option(
      names = "--values",
      description = "Print kind and value too: key, tab, kind, tab, value; collections as JSON.")
  private boolean values;

  @Override
  int run() throws InterruptedException {
    if (limit < 1) {
      throw new IllegalArgumentException("--limit " + limit + " is below 1");
    }
    Trellis trellis = connection().connect();
    Payload wanted = Payload.ofText(prefix);
    Optional<Payload> from = Optional.ofNullable(after).map(Payload::ofText);
    long left = limit;
    do {
      ScanPage page = await(trellis.scan(wanted, from, (int) Math.min(left, PAGE_KEYS), values));
      page.keys().forEach(this::tell);
      left -= page.keys().size();
      from = page.next();
    } while (left > 0 && from.isPresent());
    return ExitCode.OK;
  }

  private void tell(Frame.ScannedKey found) {
    List<String> kinds = found.kinds().stream().map(Kind::word).toList();
    if (json()) {
      Map<String, @Nullable Object> object = new LinkedHashMap<>();
      object.put("key", JsonBytes.of(found.key()));
      object.put("kinds", kinds);
      Values.describe(object, found.view());
      console().printLine(Json.write(object));
      return;
    }
    console().print(found.key());
    if (values) {
      console().print("\t" + String.join("+", kinds) + "\t");
      Values.printOnOneLine(console(), found.view());
    } else {
      console().print("\n");
    }
  }
}
