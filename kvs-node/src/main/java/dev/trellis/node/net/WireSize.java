package dev.trellis.node.net;

import dev.trellis.causal.CausalContext;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.util.Collection;

/// About how many bytes a message takes when encoded: good enough to decide what fits together, and
/// when enough waits to be read. Costs no more than a walk over the parts.
final class WireSize {
  private static final long REPLY_BYTES = 64;
  private static final long PART_BYTES = 4; // tags and lengths
  private static final long RUN_BYTES = 24; // of a causal context
  private static final long STAMP_BYTES = 36; // timestamp and dot

  private WireSize() {}

  static long of(Reply reply) {
    long outcome =
        switch (reply.outcome()) {
          case Outcome.Done done -> of(done.view());
          case Outcome.Failed failed -> failed.message().length();
        };
    return REPLY_BYTES + outcome + of(reply.dots());
  }

  static long of(Frame.Scanned page) {
    long size = REPLY_BYTES;
    for (Frame.ScannedKey key : page.keys()) {
      size += of(key);
    }
    return size;
  }

  static long of(Frame.ScannedKey key) {
    return PART_BYTES * (2 + key.kinds().size()) + key.key().size() + of(key.view());
  }

  static long of(View view) {
    return PART_BYTES
        + switch (view) {
          case View.Missing missing -> 0;
          case View.Nothing nothing -> 0;
          case View.Whole whole -> Long.BYTES;
          case View.Truth truth -> 1;
          case View.Bytes bytes -> bytes.value().size() + Long.BYTES;
          case View.Elements elements -> of(elements.elements());
          case View.Scored scored ->
              scored.members().stream()
                  .mapToLong(member -> PART_BYTES + Double.BYTES + member.member().size())
                  .sum();
          case View.Fields fields ->
              fields.fields().entrySet().stream()
                  .mapToLong(
                      field -> 2 * PART_BYTES + field.getKey().size() + of(field.getValue().view()))
                  .sum();
          case View.Conflict conflict -> PART_BYTES * conflict.kindNumbers().size();
          case View.Siblings siblings ->
              of(siblings.context()) + siblings.siblings().stream().mapToLong(WireSize::of).sum();
          case View.Prioritized prioritized -> Double.BYTES + prioritized.value().size();
          case View.Records records ->
              of(records.seen())
                  + records.records().stream()
                      .mapToLong(one -> PART_BYTES + STAMP_BYTES + one.value().size())
                      .sum();
          case View.State state -> state.entry().weight();
          case View.Placed placed -> PART_BYTES * 4;
        };
  }

  private static long of(View.Sibling sibling) {
    long dependencies =
        sibling.dependencies().entrySet().stream()
            .mapToLong(one -> PART_BYTES + one.getKey().size() + of(one.getValue()))
            .sum();
    return PART_BYTES + sibling.value().size() + dependencies;
  }

  private static long of(Collection<Payload> payloads) {
    return payloads.stream().mapToLong(payload -> PART_BYTES + payload.size()).sum();
  }

  private static long of(CausalContext context) {
    return RUN_BYTES * context.runCount();
  }
}
