package dev.trellis.wire;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Reads answers that are what most answers are: of operations that were carried out, about a key
/// in its default place, showing bytes, or that there are none, or nothing. It accepts less than
/// [FrameCodec], to which it leaves whatever is not plain or malformed; what it accepts is the same
/// there.
final class PlainReplies extends PlainReader {
  // Tags of `trellis.proto`: field number and wire type.
  private static final int FRAME_ANSWER = 3 << 3 | 2;
  private static final int FRAME_ANSWERS = 4 << 3 | 2;
  private static final int ANSWERS_REPLY = 1 << 3 | 2;
  private static final int ID = 1 << 3;
  private static final int DONE = 2 << 3 | 2;
  private static final int GENERATION = 4 << 3 | 1;
  private static final int KIND = 5 << 3;
  private static final int COPIES = 7 << 3;
  private static final int DURABLE_COPIES = 8 << 3;
  private static final int CLOCK = 9 << 3 | 1;
  private static final int RING_VERSION = 10 << 3;
  private static final int DONE_VIEW = 1 << 3 | 2;
  private static final int DONE_CHANGED = 2 << 3;
  private static final int VIEW_MISSING = 1 << 3 | 2;
  private static final int VIEW_BYTES = 2 << 3 | 2;
  private static final int BYTES_VALUE = 1 << 3 | 2;
  private static final int BYTES_EXPIRY = 2 << 3;

  private static final View MISSING = new View.Missing();
  private static final View NOTHING = new View.Nothing();
  private static final Receipt ONE_COPY = new Receipt(1, 0);

  private HybridTimestamp clock =
      HybridTimestamp.ZERO; // of the last reply; mostly that of the next

  private PlainReplies(byte[] source, int at) {
    this.source = source;
    this.at = at;
  }

  /// The frame that `length` bytes from `offset` stand for; null if it is not plain.
  ///
  /// @param repliesMax more than these are not
  static @Nullable Frame read(byte[] source, int offset, int length, long repliesMax) {
    if (length < 2 || (source[offset] != FRAME_ANSWER && source[offset] != FRAME_ANSWERS)) {
      return null;
    }
    PlainReplies reader = new PlainReplies(source, offset + 1);
    int end = offset + length;
    int size = reader.length(end);
    if (reader.odd || reader.at + size != end) {
      return null;
    }
    if (source[offset] == FRAME_ANSWER) {
      Reply reply = reader.reply(end);
      return reply == null ? null : new Frame.Answer(reply);
    }
    List<Reply> replies = new ArrayList<>(1 + length / 96);
    while (reader.at < end) {
      if (source[reader.at++] != ANSWERS_REPLY || replies.size() >= repliesMax) {
        return null;
      }
      int replySize = reader.length(end);
      Reply reply = reader.odd ? null : reader.reply(reader.at + replySize);
      if (reply == null) {
        return null;
      }
      replies.add(reply);
    }
    return new Frame.Answers(replies);
  }

  private @Nullable Reply reply(int end) {
    long id = 0;
    Outcome.@Nullable Done done = null;
    long generation = 0;
    Optional<Kind> kind = Optional.empty();
    long copies = 0;
    long durableCopies = 0;
    long time = 0;
    long ringVersion = 0;
    while (at < end && !odd) {
      switch (source[at++]) {
        case ID -> id = varint(end);
        case DONE -> {
          int size = length(end);
          odd |= done != null;
          done = odd ? null : done(at + size);
        }
        case GENERATION -> generation = fixed64(end);
        case KIND -> kind = WireReader.kindOf(varint(end));
        case COPIES -> copies = varint(end);
        case DURABLE_COPIES -> durableCopies = varint(end);
        case CLOCK -> time = fixed64(end);
        case RING_VERSION -> ringVersion = varint(end);
        default -> odd = true;
      }
    }
    boolean isReceipt = copies >>> 31 == 0 && durableCopies >= 0 && durableCopies <= copies;
    if (odd || at != end || done == null || generation < 0 || time < 0 || !isReceipt) {
      return null;
    }
    if (clock.packed() != time) {
      clock = new HybridTimestamp(time);
    }
    return new Reply(
        id,
        done,
        generation == 0 ? HybridTimestamp.ZERO : new HybridTimestamp(generation),
        kind,
        CausalContext.EMPTY,
        receipt((int) copies, (int) durableCopies),
        clock,
        ringVersion);
  }

  private static Receipt receipt(int copies, int durableCopies) {
    if (copies == 0) {
      return Receipt.NONE;
    }
    return copies == 1 && durableCopies == 0 ? ONE_COPY : new Receipt(copies, durableCopies);
  }

  private Outcome.@Nullable Done done(int end) {
    View view = NOTHING;
    boolean hasView = false;
    long changed = 0;
    while (at < end && !odd) {
      switch (source[at++]) {
        case DONE_VIEW -> {
          int size = length(end);
          odd |= hasView;
          view = odd ? NOTHING : view(at + size);
          hasView = true;
        }
        case DONE_CHANGED -> changed = varint(end);
        default -> odd = true;
      }
    }
    odd |= at != end;
    return odd ? null : new Outcome.Done(view, changed, false);
  }

  private View view(int end) {
    if (at >= end) {
      odd = true;
      return NOTHING;
    }
    int tag = source[at++];
    int size = length(end);
    odd |= at + size != end;
    if (tag == VIEW_MISSING && size == 0) {
      return MISSING;
    }
    if (tag != VIEW_BYTES) {
      odd = true;
    }
    Payload value = Payload.EMPTY;
    long expiresAtMillis = 0;
    while (at < end && !odd) {
      switch (source[at++]) {
        case BYTES_VALUE -> {
          int length = length(end);
          odd |= !value.isEmpty();
          value = odd ? value : Payload.of(source, at, length);
          at += length;
        }
        case BYTES_EXPIRY -> expiresAtMillis = varint(end);
        default -> odd = true;
      }
    }
    return new View.Bytes(value, expiresAtMillis);
  }
}
