package dev.trellis.node.shard;

import dev.trellis.causal.CausalContext;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.View;
import java.util.Collection;

/// About how many bytes a message takes when encoded: good enough to decide what fits together, and
/// when enough waits to be read. Costs no more than a walk over the parts.
public final class WireSize {
  private static final long REPLY_BYTES = 64;
  private static final long PART_BYTES = 4; // tags and lengths
  private static final long RUN_BYTES = 24; // of a causal context
  private static final long STAMP_BYTES = 36; // timestamp and dot

  private WireSize() {}

  /// About the bytes of it.
  public static long of(Reply reply) {
    long outcome =
        switch (reply.outcome()) {
          case Outcome.Done done -> of(done.view());
          case Outcome.Failed failed -> failed.message().length();
        };
    return REPLY_BYTES + outcome + of(reply.dots());
  }

  /// About the bytes of it.
  public static long of(Frame.Scanned page) {
    long size = REPLY_BYTES;
    for (Frame.ScannedKey key : page.keys()) {
      size += of(key);
    }
    return size;
  }

  /// About the bytes of it.
  public static long of(Frame.ScannedKey key) {
    return PART_BYTES * (2 + key.kinds().size()) + key.key().size() + of(key.view());
  }

  /// About the bytes of a request's key and values.
  static long of(Request request) {
    return request.key().size() + of(request.operation());
  }

  private static long of(Operation operation) {
    return switch (operation) {
      case Read.Contains contains -> of(contains.elements());
      case Read.Field field -> field.field().size() + of(field.read());
      case Read _ -> PART_BYTES;
      case Mutation.Put put -> put.value().size();
      case Mutation.Add add -> of(add.elements());
      case Mutation.Remove remove -> of(remove.elements());
      case Mutation.AddScored add ->
          add.members().stream()
              .mapToLong(member -> PART_BYTES + Double.BYTES + member.member().size())
              .sum();
      case Mutation.RemoveMembers remove -> of(remove.members());
      case Mutation.UpdateField update -> update.field().size() + of(update.mutation());
      case Mutation.PutCausal put -> put.value().size() + of(put.context());
      case Mutation.PutMultiCausal put ->
          put.value().size() + of(put.context()) + RUN_BYTES * put.dependencies().size();
      case Mutation.PutPriority put -> Double.BYTES + put.value().size();
      case Mutation.Append append -> of(append.records());
      case Mutation.Trim trim -> of(trim.observed());
      case Mutation.Commit commit ->
          of(commit.keys()) + commit.mutations().stream().mapToLong(one -> of(one)).sum();
      case Mutation.Merge merge -> merge.entry().weight();
      case Mutation.Raise _,
          Mutation.Lower _,
          Mutation.Enable _,
          Mutation.Increment _,
          Mutation.Delete _,
          Mutation.Expire _,
          Mutation.Place _ ->
          Long.BYTES;
    };
  }

  private static long of(View view) {
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
