package dev.trellis.faults;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/// Faults down, workloads across: a row as soon as its cells are known.
final class Table {
  private Table() {}

  static String header(List<String> workloads) {
    return String.format(Locale.ROOT, "%-9s", "FAULT")
        + workloads.stream()
            .map(name -> String.format(Locale.ROOT, " %-18s", name.toUpperCase(Locale.ROOT)))
            .collect(Collectors.joining())
            .stripTrailing();
  }

  static String row(List<Cell> cells) {
    return String.format(Locale.ROOT, "%-9s", cells.getFirst().fault().word())
        + cells.stream()
            .map(
                cell ->
                    String.format(
                        Locale.ROOT,
                        " %-18s",
                        String.format(
                            Locale.ROOT,
                            "%,d %d %s",
                            cell.succeeded(),
                            cell.faults(),
                            cell.verdictWord())))
            .collect(Collectors.joining())
            .stripTrailing();
  }
}
