package dev.trellis.integration;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// What the example must make of a package database, computed in another way than it does.
///
/// @param packages fields by package name, `NAME:ARCHITECTURE` where a name is there twice
/// @param sections package names
/// @param maintainers installed size in KiB
/// @param biggest names with their installed size, the biggest first, of equal ones the first by
///   name
record DpkgStatus(
    SortedMap<String, Map<String, String>> packages,
    SortedMap<String, SortedSet<String>> sections,
    SortedMap<String, Long> maintainers,
    Map<String, Long> biggest) {
  private static final Pattern FIELD =
      Pattern.compile("^([^\\s:]+):[ \\t]*(.*(?:\\n[ \\t].*)*)", Pattern.MULTILINE);

  static DpkgStatus read(Path file) throws IOException {
    List<Map<String, String>> installed = new ArrayList<>();
    for (String stanza : Files.readString(file).split("\\n\\n+", -1)) {
      Map<String, String> fields = new LinkedHashMap<>();
      Matcher field = FIELD.matcher(stanza);
      while (field.find()) {
        fields.put(field.group(1), field.group(2).replaceAll("\\n[ \\t]", "\n"));
      }
      List<String> status = Arrays.asList(fields.getOrDefault("Status", "").split(" ", -1));
      if (status.size() == 3 && status.get(2).equals("installed")) {
        installed.add(fields);
      }
    }
    DpkgStatus result =
        new DpkgStatus(new TreeMap<>(), new TreeMap<>(), new TreeMap<>(), new LinkedHashMap<>());
    installed.forEach(fields -> result.add(fields, installed));
    result.packages.entrySet().stream()
        .filter(one -> one.getValue().containsKey("Installed-Size"))
        .sorted((a, b) -> Long.compare(size(b.getValue()), size(a.getValue())))
        .limit(100)
        .forEach(one -> result.biggest.put(one.getKey(), size(one.getValue())));
    return result;
  }

  private void add(Map<String, String> fields, List<Map<String, String>> installed) {
    String plain = fields.get("Package");
    boolean alone =
        installed.stream().filter(other -> other.get("Package").equals(plain)).count() == 1;
    String name = alone ? plain : plain + ":" + fields.get("Architecture");
    packages.put(name, fields);
    if (fields.get("Section") != null) {
      sections.computeIfAbsent(fields.get("Section"), section -> new TreeSet<>()).add(name);
    }
    maintainers.merge(
        fields.getOrDefault("Maintainer", "unknown"), size(fields), (sum, size) -> sum + size);
  }

  private static long size(Map<String, String> fields) {
    return Long.parseLong(fields.getOrDefault("Installed-Size", "0"));
  }
}
