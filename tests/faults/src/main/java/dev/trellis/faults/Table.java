package dev.trellis.faults;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

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

  /// @param workloads those of the header; of some there may be no cell
  static String row(List<String> workloads, List<Cell> cells) {
    Map<String, Cell> byName =
        cells.stream().collect(Collectors.toMap(Cell::workload, Function.identity()));
    return String.format(Locale.ROOT, "%-9s", cells.getFirst().fault().word())
        + workloads.stream()
            .map(name -> String.format(Locale.ROOT, " %-18s", text(byName.get(name))))
            .collect(Collectors.joining())
            .stripTrailing();
  }

  private static String text(@Nullable Cell cell) {
    return cell == null
        ? "-"
        : String.format(
            Locale.ROOT, "%,d %d %s", cell.succeeded(), cell.faults(), cell.verdictWord());
  }
}
