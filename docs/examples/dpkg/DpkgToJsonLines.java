import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// Turns a Debian machine's package database into JSON Lines for `trellis import`:
///
/// ```
/// java DpkgToJsonLines.java /var/lib/dpkg/status > packages.jsonl
/// ```
///
/// | key | kind | value |
/// |---|---|---|
/// | `pkg:NAME` | `lww` | the package's stanza, as a JSON object in text |
/// | `section:SECTION` | `orset` | the names of its packages |
/// | `maintainer:MAINTAINER` | `counter` | the installed size of its packages, in KiB |
/// | `biggest` | `sortedset` | the 100 biggest packages with their installed size in KiB |
///
/// Only installed packages count: one that was removed and left configuration files behind takes no
/// space. A name that is installed for several architectures is told apart as `NAME:ARCHITECTURE`. A
/// package without a section is in no section; one without an installed size adds 0 KiB and is not
/// among the biggest.
public final class DpkgToJsonLines {
  private static final int BIGGEST = 100;

  /// A field's name and the first line of its text.
  private static final Pattern FIELD = Pattern.compile("([!-9;-~]+):[ \t]*(.*)");

  private DpkgToJsonLines() {}

  public static void main(String[] arguments) throws IOException {
    if (arguments.length != 1) {
      System.err.println("usage: java DpkgToJsonLines.java /var/lib/dpkg/status > packages.jsonl");
      System.exit(2);
    }
    List<Map<String, String>> stanzas = readStanzas(Path.of(arguments[0]));
    try (PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8)) {
      write(stanzas.stream().filter(DpkgToJsonLines::isInstalled).toList(), out);
    }
  }

  /// A stanza is lines up to an empty one. A line that begins with a space or tab goes on with the
  /// field above it.
  private static List<Map<String, String>> readStanzas(Path file) throws IOException {
    List<Map<String, String>> stanzas = new ArrayList<>();
    Map<String, String> stanza = new LinkedHashMap<>();
    String field = "";
    try (BufferedReader lines = Files.newBufferedReader(file)) { // UTF-8, as dpkg has it
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        Matcher start = FIELD.matcher(line);
        if (line.isBlank()) {
          addUnlessEmpty(stanzas, stanza);
          stanza = new LinkedHashMap<>();
        } else if (Character.isWhitespace(line.charAt(0))) {
          stanza.merge(field, line.substring(1), (text, more) -> text + "\n" + more);
        } else if (start.matches()) {
          field = start.group(1);
          stanza.put(field, start.group(2));
        } else {
          throw new IOException("no line of a package database: " + line);
        }
      }
    }
    addUnlessEmpty(stanzas, stanza);
    return stanzas;
  }

  private static void addUnlessEmpty(
      List<Map<String, String>> stanzas, Map<String, String> stanza) {
    if (!stanza.isEmpty()) {
      stanzas.add(stanza);
    }
  }

  /// The status is three words: what is wanted, whether something is wrong, and what is.
  private static boolean isInstalled(Map<String, String> stanza) {
    return stanza.getOrDefault("Status", "").endsWith(" installed");
  }

  private static void write(List<Map<String, String>> packages, PrintStream out) {
    Map<String, Integer> installations = new HashMap<>();
    packages.forEach(stanza -> installations.merge(stanza.get("Package"), 1, Integer::sum));

    Map<String, TreeSet<String>> sections = new TreeMap<>();
    Map<String, Long> maintainers = new TreeMap<>();
    Map<String, Long> sizes = new TreeMap<>();
    for (Map<String, String> stanza : packages) {
      String name = stanza.get("Package");
      if (installations.get(name) > 1) {
        name += ":" + stanza.get("Architecture");
      }
      long size = Long.parseLong(stanza.getOrDefault("Installed-Size", "0"));
      if (stanza.containsKey("Section")) {
        sections.computeIfAbsent(stanza.get("Section"), section -> new TreeSet<>()).add(name);
      }
      maintainers.merge(stanza.getOrDefault("Maintainer", "unknown"), size, Long::sum);
      if (stanza.containsKey("Installed-Size")) {
        sizes.put(name, size);
      }
      writeLine(out, "pkg:" + name, "lww", quote(object(stanza)));
    }
    sections.forEach(
        (section, names) ->
            writeLine(
                out,
                "section:" + section,
                "orset",
                names.stream()
                    .map(DpkgToJsonLines::quote)
                    .collect(Collectors.joining(",", "[", "]"))));
    maintainers.forEach(
        (maintainer, size) ->
            writeLine(out, "maintainer:" + maintainer, "counter", Long.toString(size)));
    writeLine(
        out,
        "biggest",
        "sortedset",
        sizes.entrySet().stream()
            .sorted(Map.Entry.<String, Long>comparingByValue(Comparator.reverseOrder()))
            .limit(BIGGEST)
            .map(big -> "{\"member\":" + quote(big.getKey()) + ",\"score\":" + big.getValue() + "}")
            .collect(Collectors.joining(",", "[", "]")));
  }

  private static void writeLine(PrintStream out, String key, String kind, String value) {
    out.print("{\"key\":" + quote(key) + ",\"kind\":\"" + kind + "\",\"value\":" + value + "}\n");
  }

  private static String object(Map<String, String> stanza) {
    return stanza.entrySet().stream()
        .map(field -> quote(field.getKey()) + ":" + quote(field.getValue()))
        .collect(Collectors.joining(",", "{", "}"));
  }

  /// A text as JSON has it.
  private static String quote(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    text.chars()
        .forEach(
            character -> {
              if (character == '"' || character == '\\') {
                quoted.append('\\').append((char) character);
              } else if (character < ' ') {
                quoted.append(String.format("\\u%04x", character));
              } else {
                quoted.append((char) character);
              }
            });
    return quoted.append('"').toString();
  }
}
