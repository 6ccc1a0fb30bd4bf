package dev.trellis.casestudy;

import dev.trellis.casestudy.Level.Anomaly;
import dev.trellis.history.check.FracturedReads;
import dev.trellis.history.check.ReadYourWrites;
import dev.trellis.wire.ErrorCode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// What a level of promises did for a load, and what it cost.
///
/// @param gossip how long replicas may keep a write to themselves
/// @param ownReads reads of something older than the transaction itself had written
/// @param oneKeyCallsByNode calls for one and the same key, by the node that answered them
record LevelResult(
    Level level,
    Duration gossip,
    TransactionLoad.Outcome outcome,
    AnomalyCount ownReads,
    AnomalyCount fracturedReads,
    Map<String, Long> oneKeyCallsByNode) {
  /// A node that answers a smaller part of the calls for a key than this is hardly asked.
  private static final double LEAST_PART = 0.25;

  private static final double NANOS_PER_MILLI = 1e6;

  static LevelResult of(
      Level level,
      Duration gossip,
      TransactionLoad.Outcome outcome,
      Map<String, Long> oneKeyCallsByNode) {
    return new LevelResult(
        level,
        gossip,
        outcome,
        AnomalyCount.of(new ReadYourWrites(), outcome.history()),
        AnomalyCount.of(new FracturedReads(), outcome.history()),
        oneKeyCallsByNode);
  }

  String name() {
    return level.word() + ", gossip.epoch " + text(gossip);
  }

  /// As settings have it.
  static String text(Duration time) {
    return time.toMillis() % 1_000 == 0 ? time.toSeconds() + "s" : time.toMillis() + "ms";
  }

  /// Transactions that were carried out.
  long transactions() {
    return outcome.latencyNanos().getTotalCount();
  }

  double p50Millis() {
    return outcome.latencyNanos().getValueAtPercentile(50) / NANOS_PER_MILLI;
  }

  double p99Millis() {
    return outcome.latencyNanos().getValueAtPercentile(99) / NANOS_PER_MILLI;
  }

  long failedCalls() {
    return outcome.failures().values().stream().mapToLong(Long::longValue).sum();
  }

  /// What is not as it must be, a sentence each; empty if all is well.
  List<String> faults() {
    List<String> faults = new ArrayList<>();
    check(faults, "read-your-writes anomalies", ownReads, level.ownReads());
    check(faults, "fractured reads", fracturedReads, level.fracturedReads());
    long calls = oneKeyCallsByNode.values().stream().mapToLong(Long::longValue).sum();
    oneKeyCallsByNode.forEach(
        (node, answered) -> {
          if (answered < calls * LEAST_PART) {
            faults.add(
                name()
                    + ": only "
                    + answered
                    + " of "
                    + calls
                    + " calls for one key went to "
                    + node
                    + ", so that hardly anybody could read what is old");
          }
        });
    return faults;
  }

  private void check(List<String> faults, String what, AnomalyCount count, Anomaly anomaly) {
    if (anomaly == Anomaly.FORBIDDEN && count.reads() > 0) {
      faults.add(name() + ": " + count.reads() + " " + what + ", where none may be");
    }
    if (anomaly == Anomaly.EXPECTED && count.reads() == 0) {
      faults.add(
          name() + ": no " + what + ", where nothing prevents them; this load shows nothing");
    }
  }

  Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("level", level.word());
    json.put("gossipEpochMillis", gossip.toMillis());
    json.put("transactions", transactions());
    if (level.ownReads() != Anomaly.UNCOUNTED) {
      json.put("readYourWrites", ownReads.toJson());
    }
    if (level.fracturedReads() != Anomaly.UNCOUNTED) {
      json.put("fracturedReads", fracturedReads.toJson());
    }
    json.put("p50Millis", rounded(p50Millis()));
    json.put("p99Millis", rounded(p99Millis()));
    Map<String, Object> metadata = new LinkedHashMap<>();
    metadata.put("meanBytes", rounded(outcome.tokenBytes().getMean()));
    metadata.put("p99Bytes", outcome.tokenBytes().getValueAtPercentile(99));
    metadata.put("maxBytes", outcome.tokenBytes().getMaxValue());
    json.put("metadata", metadata);
    json.put("repeatedTransactions", outcome.repeats());
    Map<String, Object> failures = new LinkedHashMap<>();
    for (Map.Entry<ErrorCode, Long> failure : outcome.failures().entrySet()) {
      failures.put(failure.getKey().name(), failure.getValue());
    }
    json.put("failedCalls", failures);
    json.put("oneKeyCallsByNode", new LinkedHashMap<String, Object>(oneKeyCallsByNode));
    return json;
  }

  private static double rounded(double value) {
    return Math.round(value * 1e3) / 1e3;
  }
}
