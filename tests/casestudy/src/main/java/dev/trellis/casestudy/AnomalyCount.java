package dev.trellis.casestudy;

import dev.trellis.history.History;
import dev.trellis.history.check.CheckResult;
import dev.trellis.history.check.Checker;
import dev.trellis.history.check.Verdict;
import java.util.LinkedHashMap;
import java.util.Map;

/// How often a checker found something.
///
/// @param transactions that saw it
/// @param reads that show it
/// @param judgedReads that could have
record AnomalyCount(long transactions, long reads, long judgedReads) {
  static AnomalyCount of(Checker checker, History history) {
    CheckResult result = checker.check(history);
    AnomalyCount count =
        new AnomalyCount(
            number(result, "transaction-count"),
            number(result, "anomaly-count"),
            number(result, "judged-reads"));
    if (count.reads == 0 && result.verdict() == Verdict.INVALID) {
      throw new IllegalStateException(checker.name() + " found what it does not count");
    }
    return count;
  }

  private static long number(CheckResult result, String detail) {
    return result.details().get(detail) instanceof Long number ? number : 0;
  }

  Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("transactions", transactions);
    json.put("reads", reads);
    json.put("judgedReads", judgedReads);
    return json;
  }
}
