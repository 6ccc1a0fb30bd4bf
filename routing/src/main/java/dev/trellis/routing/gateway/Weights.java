package dev.trellis.routing.gateway;

import dev.trellis.client.ScanPage;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Frame;
import dev.trellis.wire.View;
import java.util.Map;

/// About how much memory answers of nodes take, and how long they are as JSON, in bytes. Cost: one
/// pass over what they hold.
final class Weights {
  /// Of a reply with nothing to see.
  private static final long REPLY = 256;

  /// Of an object that holds a part of a value.
  private static final long PART = 64;

  private Weights() {}

  /// Of a failure nothing is counted.
  static long of(StoreResult result) {
    return result instanceof StoreResult.Done done ? REPLY + of(done.outcome().view()) : 0;
  }

  static long of(ScanPage page) {
    long sum = REPLY;
    for (Frame.ScannedKey key : page.keys()) {
      sum += PART + key.key().size() + of(key.view());
    }
    return sum;
  }

  private static long of(View view) {
    return sum(view, false);
  }

  /// As JSON.
  static long jsonOf(StoreResult result) {
    return result instanceof StoreResult.Done done
        ? REPLY + sum(done.outcome().view(), true)
        : REPLY;
  }

  static long jsonOf(ScanPage page) {
    long sum = REPLY;
    for (Frame.ScannedKey key : page.keys()) {
      sum += PART + json(key.key()) + sum(key.view(), true);
    }
    return sum;
  }

  private static long sum(View view, boolean asJson) {
    return switch (view) {
      case View.Missing _,
          View.Nothing _,
          View.Whole _,
          View.Truth _,
          View.Conflict _,
          View.Placed _ ->
          PART;
      case View.Bytes bytes -> part(bytes.value(), asJson);
      case View.Elements elements -> {
        long sum = PART;
        for (Payload element : elements.elements()) {
          sum += part(element, asJson);
        }
        yield sum;
      }
      case View.Scored scored -> {
        long sum = PART;
        for (var member : scored.members()) {
          sum += PART + part(member.member(), asJson);
        }
        yield sum;
      }
      case View.Fields fields -> {
        long sum = PART;
        for (Map.Entry<Payload, View.Field> field : fields.fields().entrySet()) {
          sum += PART + part(field.getKey(), asJson) + sum(field.getValue().view(), asJson);
        }
        yield sum;
      }
      case View.Siblings siblings -> {
        long sum = PART;
        for (View.Sibling sibling : siblings.siblings()) {
          sum += part(sibling.value(), asJson);
          for (Payload key : sibling.dependencies().keySet()) {
            sum += 2 * PART + part(key, asJson);
          }
        }
        yield sum;
      }
      case View.Prioritized prioritized -> PART + part(prioritized.value(), asJson);
      case View.Records records -> {
        long sum = PART;
        for (View.LogRecord each : records.records()) {
          sum += 2 * PART + part(each.value(), asJson);
        }
        yield sum;
      }
      case View.State state -> PART + state.entry().weight();
    };
  }

  private static long part(Payload payload, boolean asJson) {
    return asJson ? json(payload) : PART + payload.size();
  }

  /// As a string, or as base64.
  private static long json(Payload payload) {
    if (!payload.isText()) {
      return PART + (payload.size() + 2L) / 3 * 4;
    }
    long sum = 3L + payload.size();
    for (int at = 0; at < payload.size(); at++) {
      byte next = payload.at(at);
      if (next >= 0 && next < ' ') {
        sum += 5; // \u0000
      } else if (next == '"' || next == '\\') {
        sum++;
      }
    }
    return sum;
  }
}
