package dev.trellis.functions.examples;

import dev.trellis.functions.Function;
import dev.trellis.functions.Functions;
import dev.trellis.functions.Invocation;
import dev.trellis.functions.Invoker;
import dev.trellis.functions.StoredFuture;
import dev.trellis.lattice.Payload;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// Counts the words of the pages in a folder: one function scatters a call for each page, and
/// gathers what they count. Run again, it waits for the calls that it has made already.
final class WordCount {
  private static final Duration PATIENCE = Duration.ofMinutes(1);
  private static final Pattern NO_WORD = Pattern.compile("[^a-z]+");

  private WordCount() {}

  /// Counts the words of a text: lines of a word and its number.
  static Payload ofPage(Invocation invocation, Payload text) {
    return encode(count(text.text()));
  }

  /// Counts the words of all pages of a folder.
  static Function ofFolder(Functions functions, Invoker invoker) {
    return (invocation, folder) -> {
      List<Payload> pages = new ArrayList<>();
      for (Path page : pages(Path.of(folder.text()))) {
        pages.add(Payload.ofText(Files.readString(page)));
      }
      List<StoredFuture> counts = functions.scatter(invocation, "words-of-page", pages, invoker);
      Map<String, Integer> all = new TreeMap<>();
      for (Payload each : functions.awaitAll(counts, PATIENCE)) {
        decode(each).forEach((word, number) -> all.merge(word, number, Integer::sum));
      }
      return encode(all);
    };
  }

  static List<Path> pages(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> file.toString().endsWith(".md")).sorted().toList();
    }
  }

  static Map<String, Integer> count(String text) {
    Map<String, Integer> counts = new TreeMap<>();
    for (String word : NO_WORD.split(text.toLowerCase(Locale.ROOT), -1)) {
      if (!word.isEmpty()) {
        counts.merge(word, 1, Integer::sum);
      }
    }
    return counts;
  }

  static Payload encode(Map<String, Integer> counts) {
    return Payload.ofText(
        counts.entrySet().stream()
            .map(each -> each.getKey() + " " + each.getValue())
            .collect(Collectors.joining("\n")));
  }

  static Map<String, Integer> decode(Payload counts) {
    Map<String, Integer> decoded = new TreeMap<>();
    counts
        .text()
        .lines()
        .forEach(
            line -> {
              int space = line.indexOf(' ');
              decoded.put(line.substring(0, space), Integer.valueOf(line.substring(space + 1)));
            });
    return decoded;
  }
}
