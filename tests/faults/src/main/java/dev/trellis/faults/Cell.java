package dev.trellis.faults;

import dev.trellis.faults.Workload.Finding;
import dev.trellis.history.check.Verdict;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// How one workload fared under one fault.
///
/// @param succeeded calls that ended with `:ok`
/// @param failed calls that did not happen
/// @param unknown calls that may have happened
/// @param faults that really happened
/// @param findings what the checkers found, of each key where they found something
/// @param problems what else is wrong, such as a cluster that did not become whole
/// @param measured sentences for people on what was measured
/// @param history the file
record Cell(
    String workload,
    Fault fault,
    long succeeded,
    long failed,
    long unknown,
    int faults,
    List<Finding> findings,
    List<String> problems,
    List<String> measured,
    Path history,
    Verdict verdict) {
  Cell {
    findings = List.copyOf(findings);
    problems = List.copyOf(problems);
    measured = List.copyOf(measured);
  }

  /// Those that break a promise.
  List<Finding> failures() {
    return findings.stream().filter(Finding::isFailure).toList();
  }

  /// Those that break none.
  List<Finding> reports() {
    return findings.stream().filter(finding -> !finding.isFailure()).toList();
  }

  /// As people read it.
  String verdictWord() {
    return switch (verdict) {
      case VALID -> "pass";
      case INVALID -> "FAIL";
      case UNKNOWN -> "unknown";
    };
  }

  Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("workload", workload);
    json.put("fault", fault.word());
    json.put("valid", verdict.toJson());
    json.put("ok", succeeded);
    json.put("fail", failed);
    json.put("info", unknown);
    json.put("faults", (long) faults);
    json.put("problems", problems);
    json.put("measured", measured);
    json.put("failures", failures().stream().map(Cell::describe).toList());
    json.put("reports", reports().stream().map(Cell::describe).toList());
    json.put("history", history.toString());
    return json;
  }

  /// A finding, for people.
  static String describe(Finding finding) {
    return finding.checker()
        + ", key "
        + finding.key()
        + ": "
        + finding.result().anomalies().stream()
            .findFirst()
            .map(anomaly -> anomaly.kind() + ", " + anomaly.explanation())
            .orElse("the history shows too little")
        + (finding.result().anomalies().size() > 1
            ? " (and " + (finding.result().anomalies().size() - 1) + " more)"
            : "");
  }
}
