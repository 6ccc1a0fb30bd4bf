package dev.trellis.monitor.command;

import dev.trellis.cli.Console;
import dev.trellis.lattice.Payload;
import dev.trellis.monitor.decisions.Recorded;
import dev.trellis.monitor.policy.Decision;
import dev.trellis.monitor.policy.Explanation;
import dev.trellis.wire.Placement;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/// Shows decisions to people.
final class DecisionPrinter {
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss").withZone(ZoneId.systemDefault());

  private final Console console;

  DecisionPrinter(Console console) {
    this.console = console;
  }

  void print(Recorded recorded) {
    Explanation why = recorded.decision().explanation();
    line(
        TIME.format(Instant.ofEpochMilli(recorded.atMillis()))
            + "  "
            + phrase(recorded.decision())
            + "  ["
            + why.policy()
            + "]");
    line("    because   " + why.because());
    line("    inputs    " + numbers(why.inputs()));
    line("    threshold " + why.threshold());
    line("    expected  " + numbers(why.expected()));
    if (!recorded.effect().isEmpty()) {
      line("    seen      " + numbers(recorded.effect()));
    }
    line("    " + state(recorded));
  }

  private void line(String text) {
    console.print(Payload.ofText(text));
    console.print("\n");
  }

  static String phrase(Decision decision) {
    return switch (decision) {
      case Decision.Place place ->
          place.move().word()
              + " "
              + place.key()
              + (place.count() == 1 ? "" : " and " + (place.count() - 1) + " like it")
              + " from "
              + phrase(place.from())
              + " to "
              + phrase(place.to());
      case Decision.Resize resize ->
          resize.tier().word()
              + " tier from "
              + resize.from()
              + " to "
              + resize.to()
              + " nodes"
              + (resize.leaving().isEmpty()
                  ? ""
                  : ", without " + String.join(", ", resize.leaving()));
    };
  }

  private static String phrase(Placement placement) {
    return "("
        + placement.memoryNodes()
        + ", "
        + placement.ssdNodes()
        + ", "
        + placement.shardsPerNode()
        + ")";
  }

  private static String state(Recorded recorded) {
    String since =
        String.format(
            Locale.ROOT, "%.1f s", (recorded.stateMillis() - recorded.atMillis()) / 1_000.0);
    String problem = recorded.problem().isEmpty() ? "" : ": " + recorded.problem();
    return switch (recorded.state()) {
      case DRY_RUN -> "not carried out: monitor.dry-run is on";
      case ORDERED -> "ordered, and not there yet" + problem;
      case DONE -> "done after " + since;
      case OVERTAKEN -> "given up after " + since + problem;
      case FAILED -> "failed after " + since + problem;
    };
  }

  private static String numbers(Map<String, Double> numbers) {
    return numbers.isEmpty()
        ? "-"
        : numbers.entrySet().stream()
            .map(number -> number.getKey() + " " + number(number.getValue()))
            .collect(Collectors.joining(", "));
  }

  private static String number(double number) {
    if (number == Math.rint(number) && Math.abs(number) < 1e15) {
      return String.format(Locale.ROOT, "%,.0f", number);
    }
    return String.format(Locale.ROOT, Math.abs(number) < 1 ? "%.3g" : "%,.2f", number);
  }
}
