package dev.trellis.monitor.console;

import dev.trellis.functions.mailbox.Delivery;
import dev.trellis.functions.mailbox.Message;
import dev.trellis.lattice.Payload;
import dev.trellis.lattice.VisibleText;
import dev.trellis.monitor.console.ConsoleHistory.Measure;
import dev.trellis.monitor.console.TimeSeries.Slice;
import dev.trellis.monitor.policy.ClusterView.Latency;
import dev.trellis.monitor.policy.ClusterView.Shard;
import dev.trellis.monitor.policy.Decision;
import dev.trellis.monitor.policy.PolicySettings.Band;
import dev.trellis.wire.Placement;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/// The console's records as JSON: what `docs/console.md` promises to those who read it by program.
final class ConsoleJson {
  /// Of the body of a message.
  private static final int BODY_BYTES_SHOWN = 2 << 10;

  private ConsoleJson() {}

  /// A state.
  ///
  /// @param servedMillis the time at which it is sent: a state much older is stale
  /// @param periodMillis how often a new one is to be expected
  static String state(ConsoleState state, long servedMillis, long periodMillis) {
    return JsonWriter.object(
        json ->
            json.field("cluster", state.cluster())
                .field("atMillis", state.atMillis())
                .field("servedMillis", servedMillis)
                .field("periodMillis", periodMillis)
                .field("whole", state.isWhole())
                .field("faultTolerance", state.faultTolerance())
                .field("monitor", monitor -> monitor(monitor, state.monitor()))
                .field(
                    "objective",
                    objective ->
                        objective
                            .field(
                                "statistic",
                                state.objective().statistic().name().toLowerCase(Locale.ROOT))
                            .field("micros", state.objective().micros()))
                .field("latency", latency -> latency(latency, state.latency()))
                .field("operationsPerSecond", state.operationsPerSecond())
                .field("costPerHour", state.costPerHour())
                .field(
                    "budgetPerHour",
                    state.budgetPerHour().map(OptionalDouble::of).orElse(OptionalDouble.empty()))
                .list("tiers", state.tiers(), ConsoleJson::tier)
                .list("nodes", state.nodes(), ConsoleJson::node)
                .list("hotKeys", state.hotKeys(), ConsoleJson::hotKey)
                .list("handoffs", state.handoffs(), ConsoleJson::handoff)
                .list("decisions", state.decisions(), ConsoleJson::decision));
  }

  private static void monitor(JsonWriter json, ConsoleState.Monitor monitor) {
    json.field("scaler", monitor.scaler())
        .field("dryRun", monitor.isDryRun())
        .field("epoch", monitor.epoch())
        .field("leads", monitor.isLeader());
  }

  private static void latency(JsonWriter json, Latency latency) {
    boolean isKnown = latency.samples() > 0;
    json.field("samples", latency.samples())
        .field("meanMicros", isKnown ? latency.meanMicros() : Double.NaN)
        .field("p95Micros", isKnown ? latency.p95Micros() : Double.NaN)
        .field("fromClients", latency.isFromClients());
  }

  private static void tier(JsonWriter json, ConsoleState.Tier tier) {
    json.field("tier", tier.tier().word())
        .field("nodes", tier.nodes())
        .field("wanted", tier.wanted())
        .field("operationsPerSecond", tier.operationsPerSecond())
        .field("bytes", tier.bytes())
        .field("bytesMax", tier.bytesMax());
    band(json, "occupancyBand", tier.occupancyBand());
    band(json, "useBand", Optional.of(tier.useBand()));
    json.field("ringImbalance", tier.ringImbalance()).field("loadImbalance", tier.loadImbalance());
  }

  private static void band(JsonWriter json, String name, Optional<Band> band) {
    if (band.isPresent()) {
      Band of = band.get();
      json.field(name, inner -> inner.field("low", of.low()).field("high", of.high()));
    } else {
      json.field(name, OptionalLong.empty());
    }
  }

  private static void node(JsonWriter json, ConsoleState.Node node) {
    json.field("id", node.id())
        .field("tier", node.tier().word())
        .field("state", node.state().word())
        .field("sinceMillis", node.sinceMillis())
        .field("suspected", node.isSuspected())
        .field("occupancy", node.occupancy())
        .field("readsPerSecond", node.readsPerSecond())
        .field("writesPerSecond", node.writesPerSecond())
        .field("operationsPerSecond", node.operationsPerSecond())
        .field("entries", node.entries())
        .field("bytes", node.bytes())
        .field("bytesMax", node.bytesMax())
        .field("ringShare", node.ringShare())
        .field("loadShare", node.loadShare())
        .list("shards", node.shards(), ConsoleJson::shard);
  }

  private static void shard(JsonWriter json, Shard shard) {
    json.field("occupancy", shard.occupancy())
        .field("readsPerSecond", shard.readsPerSecond())
        .field("writesPerSecond", shard.writesPerSecond())
        .field("entries", shard.entries())
        .field("bytes", shard.bytes())
        .field("bytesMax", shard.bytesMax());
  }

  private static void hotKey(JsonWriter json, ConsoleState.HotKey key) {
    json.field("key", VisibleText.of(key.key()))
        .field("loadShare", key.loadShare())
        .field("readsPerSecond", key.readsPerSecond())
        .field("writesPerSecond", key.writesPerSecond())
        .field("bytes", key.bytes())
        .field("placement", placement -> placement(placement, key.placement()))
        .field("default", key.isDefault());
  }

  private static void placement(JsonWriter json, Placement placement) {
    json.field("memoryNodes", placement.memoryNodes())
        .field("ssdNodes", placement.ssdNodes())
        .field("shardsPerNode", placement.shardsPerNode());
  }

  private static void handoff(JsonWriter json, ConsoleState.Handoff handoff) {
    json.field("node", handoff.nodeId())
        .field("why", handoff.why())
        .field("sinceMillis", handoff.sinceMillis())
        .field("partitionsDone", handoff.partitionsDone())
        .field("partitionsTotal", handoff.partitionsTotal());
  }

  private static void decision(JsonWriter json, DecisionEntry entry) {
    json.field("id", entry.id())
        .field("atMillis", entry.atMillis())
        .field("policy", entry.explanation().policy())
        .field("kind", entry.kind())
        .field("what", entry.what());
    switch (entry.decision()) {
      case Decision.Resize resize ->
          json.field("tier", resize.tier().word())
              .field("from", resize.from())
              .field("to", resize.to());
      case Decision.Place place ->
          json.field("key", VisibleText.of(place.key()))
              .field("keys", place.count())
              .field("from", from -> placement(from, place.from()))
              .field("to", to -> placement(to, place.to()));
    }
    json.field("because", entry.explanation().because())
        .field("inputs", entry.explanation().inputs())
        .field("threshold", entry.explanation().threshold())
        .field("expected", entry.explanation().expected())
        .field("state", entry.state().word())
        .field("note", entry.note())
        .field("doneMillis", entry.doneMillis())
        .field("effect", entry.effect());
  }

  /// Decisions, and where to go on.
  ///
  /// @param limit that was asked for; as many decisions may mean that there are more
  static String decisions(List<DecisionEntry> entries, int limit) {
    OptionalLong next =
        entries.size() < limit ? OptionalLong.empty() : OptionalLong.of(entries.getLast().id());
    return JsonWriter.object(
        json -> json.list("decisions", entries, ConsoleJson::decision).field("nextBefore", next));
  }

  /// Mailboxes.
  static String mailboxes(List<ConsoleSource.Mailbox> mailboxes) {
    return JsonWriter.object(
        json ->
            json.list(
                "mailboxes",
                mailboxes,
                (one, mailbox) ->
                    one.field("name", mailbox.name()).field("waiting", mailbox.waiting())));
  }

  /// Messages that wait in a mailbox.
  static String messages(String mailbox, List<Delivery> messages) {
    return JsonWriter.object(
        json -> json.field("name", mailbox).list("messages", messages, ConsoleJson::message));
  }

  private static void message(JsonWriter json, Delivery delivery) {
    Message message = delivery.message();
    json.field("id", delivery.id())
        .field("sentMillis", delivery.sent().millis())
        .field("from", message.from().orElse(""));
    switch (message.purpose()) {
      case Message.Purpose.Notice _ -> json.field("purpose", "notice");
      case Message.Purpose.Question question ->
          json.field("purpose", "question").field("replyTo", question.replyTo());
      case Message.Purpose.Answer answer ->
          json.field("purpose", answer.failed() ? "failed-answer" : "answer");
    }
    Payload body = message.body();
    Payload shown = Payload.of(body.toBytes(), 0, Math.min(body.size(), BODY_BYTES_SHOWN));
    json.field(
            "headers",
            headers -> message.headers().forEach((name, value) -> headers.field(name, value)))
        .field("bytes", body.size())
        .field("text", VisibleText.of(shown))
        .field("cut", shown.size() < body.size());
  }

  /// Series: for each measure a row `[atMillis, min, mean, max]` for each step in which there was
  /// something.
  static String series(long fromMillis, Map<Measure, Slice> slices) {
    long stepMillis =
        slices.values().stream().mapToLong(Slice::stepMillis).findFirst().orElse(1_000);
    return JsonWriter.object(
        json -> {
          json.field("fromMillis", fromMillis).field("stepMillis", stepMillis);
          json.field(
              "series", series -> slices.forEach((measure, slice) -> rows(series, measure, slice)));
        });
  }

  private static void rows(JsonWriter json, Measure measure, Slice slice) {
    json.rows(
        measure.word(),
        slice.points().stream()
            .map(point -> new double[] {point.atMillis(), point.min(), point.mean(), point.max()})
            .toList());
  }

  /// Who looks; where there is no security, that is nobody in particular.
  static String session(Optional<Reception.Guest> guest) {
    return JsonWriter.object(
        json -> {
          json.field("secured", guest.isPresent());
          if (guest.isPresent()) {
            json.field("principal", guest.get().caller().principal())
                .field("mayChange", guest.get().caller().rights().administer());
            guest.get().login().ifPresent(login -> json.field("token", login.token()));
          }
        });
  }

  /// A problem document.
  ///
  /// @see "RFC 9457"
  static String problem(String type, String title, int status, String detail) {
    return JsonWriter.object(
        json ->
            json.field("type", "tag:trellis.dev,2026:" + type)
                .field("title", title)
                .field("status", status)
                .field("detail", detail));
  }
}
