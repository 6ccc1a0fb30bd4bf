package dev.trellis.client;

import dev.trellis.causal.CausalContext;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Read;
import dev.trellis.wire.Threshold;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What the client must know of operations: their words, their size, and what it can see is wrong
/// with them before anything is sent.
final class Operations {
  private static final int REQUEST_BYTES = 64;
  private static final int PART_BYTES = 24;

  /// What a frame may have beside the largest operation.
  private static final int FRAME_REST_BYTES = 32 << 10;

  private Operations() {}

  /// What is done, for messages: `increment`, `add to orset`.
  static String describe(Operation operation) {
    return switch (operation) {
      case Mutation.Put put -> "put";
      case Mutation.Raise raise -> "raise";
      case Mutation.Lower lower -> "lower";
      case Mutation.Enable enable -> "enable";
      case Mutation.Increment increment -> "increment";
      case Mutation.Add add -> "add to " + add.to().word();
      case Mutation.Remove remove -> "remove from orset";
      case Mutation.AddScored add -> "add to sortedset";
      case Mutation.RemoveMembers remove -> "remove from sortedset";
      case Mutation.UpdateField update ->
          describe(update.mutation()) + " in field " + update.field() + " of";
      case Mutation.PutCausal put -> "causal put";
      case Mutation.PutMultiCausal put -> "multicausal put";
      case Mutation.PutPriority put -> "priority put";
      case Mutation.Append append -> "append";
      case Mutation.Trim trim -> "trim";
      case Mutation.Delete delete -> "delete";
      case Mutation.Expire expire -> "expire";
      case Mutation.Merge merge -> "merge";
      case Mutation.Place place -> "place";
      case Mutation.Commit commit -> "commit";
      case Read.Field field -> describe(field.read()) + " of field " + field.field() + " of";
      case Read.Get get -> "get";
      case Read.State state -> "state";
      case Read.Contains contains -> "contains";
      case Read.Size size -> "size";
      case Read.Range range -> "range";
      case Read.Scores scores -> "range";
      case Read.Since since -> "read";
      case Read.Placed placed -> "placement";
      case Read.Await await -> "await " + await.threshold().describe() + " of";
    };
  }

  /// The names of the fields that a mutation goes through, from the key inwards; empty for what is
  /// about the key itself.
  static List<Payload> path(Operation operation) {
    List<Payload> path = new ArrayList<>();
    Operation inner = operation;
    while (inner instanceof Mutation.UpdateField update) {
      path.add(update.field());
      inner = update.mutation();
    }
    return path;
  }

  /// Whether it is about where a key belongs, which the key's home decides, wherever the key is.
  static boolean isForHome(Operation operation) {
    return operation instanceof Mutation.Place || operation instanceof Read.Placed;
  }

  /// Whether the timestamp decides what the mutation does, so that carrying it out under two of
  /// them is not as good as once.
  static boolean dependsOnTimestamp(Mutation mutation, boolean hasTtl) {
    return switch (mutation) {
      case Mutation.Raise raise -> hasTtl;
      case Mutation.Lower lower -> hasTtl;
      case Mutation.Enable enable -> hasTtl;
      case Mutation.Add add -> hasTtl;
      case Mutation.PutPriority put -> hasTtl;
      case Mutation.Trim trim -> hasTtl;
      case Mutation.Merge merge -> false;
      case Mutation.UpdateField update -> dependsOnTimestamp(update.mutation(), hasTtl);
      case Mutation.Put put -> true;
      case Mutation.Increment increment -> true;
      case Mutation.Remove remove -> true;
      case Mutation.AddScored add -> true;
      case Mutation.RemoveMembers remove -> true;
      case Mutation.PutCausal put -> true;
      case Mutation.PutMultiCausal put -> true;
      case Mutation.Append append -> true;
      case Mutation.Delete delete -> true;
      case Mutation.Expire expire -> true;
      case Mutation.Place place -> true;
      case Mutation.Commit commit -> true;
    };
  }

  /// About how many bytes the request will take. O(parts).
  static long weigh(Payload key, Operation operation) {
    if (isUsual(operation)) {
      return REQUEST_BYTES + key.size() + (long) sizeOf(operation);
    }
    return REQUEST_BYTES + key.size() + weigh(operation, PART_BYTES);
  }

  /// @param each what to count for every part beside its own bytes
  private static long weigh(Operation operation, int each) {
    return switch (operation) {
      case Mutation.Put put -> put.value().size();
      case Mutation.Add add -> weigh(add.elements(), each);
      case Mutation.Remove remove -> weigh(remove.elements(), each);
      case Mutation.AddScored add -> {
        long sum = 0;
        for (Mutation.ScoredMember member : add.members()) {
          sum += each + member.member().size();
        }
        yield sum;
      }
      case Mutation.RemoveMembers remove -> weigh(remove.members(), each);
      case Mutation.UpdateField update ->
          each + update.field().size() + weigh(update.mutation(), each);
      case Mutation.PutCausal put -> put.value().size() + each * put.context().runCount();
      case Mutation.PutMultiCausal put -> {
        long sum = put.value().size() + (long) each * put.context().runCount();
        for (Map.Entry<Payload, CausalContext> dependency : put.dependencies().entrySet()) {
          sum += dependency.getKey().size() + each * (1L + dependency.getValue().runCount());
        }
        yield sum;
      }
      case Mutation.PutPriority put -> put.value().size();
      case Mutation.Append append -> weigh(append.records(), each);
      case Mutation.Trim trim -> (long) each * trim.observed().runCount();
      case Mutation.Merge merge -> merge.entry().weight();
      case Mutation.Commit commit -> {
        long sum = weigh(commit.keys(), each);
        for (Mutation mutation : commit.mutations()) {
          sum += each + weigh(mutation, each);
        }
        yield sum;
      }
      case Read.Contains contains -> weigh(contains.elements(), each);
      case Read.Await await when await.threshold() instanceof Threshold.Contains contains ->
          weigh(contains.elements(), each);
      case Read.Await await when await.threshold() instanceof Threshold.Unseen unseen ->
          (long) each * unseen.seen().runCount();
      case Read.Since since -> (long) each * since.seen().runCount();
      case Read.Field field -> each + field.field().size() + weigh(field.read(), each);
      default -> 0;
    };
  }

  private static long weigh(Collection<Payload> parts, int each) {
    long sum = 0;
    for (Payload part : parts) {
      sum += each + part.size();
    }
    return sum;
  }

  /// What is wrong with a call, as far as can be told without asking a shard.
  static Optional<TrellisException.Failure> fault(Payload key, Operation operation, Limits limits) {
    if (isFaultless(key, operation, limits)) {
      return Optional.empty();
    }
    int depth = 0;
    Operation inner = operation;
    for (boolean nested = true; nested; depth++) {
      switch (inner) {
        case Mutation.UpdateField update -> inner = update.mutation();
        case Read.Field field -> inner = field.read();
        default -> nested = false;
      }
      if (depth > Limits.DEPTH_MAX) {
        return fault(
            ErrorCode.BAD_REQUEST,
            "an operation on key "
                + key
                + " goes through more than "
                + Limits.DEPTH_MAX
                + " maps, the limit");
      }
    }
    String what = describe(operation);
    if (key.isEmpty()) {
      return fault(
          ErrorCode.BAD_REQUEST,
          what + ": the key is empty; it must have 1 to " + limits.keyBytesMax() + " bytes");
    }
    if (key.size() > limits.keyBytesMax()) {
      return fault(
          ErrorCode.KEY_TOO_LONG,
          what + ": the key has " + key.size() + " bytes; the limit is " + limits.keyBytesMax());
    }
    if (inner instanceof Mutation.Expire expire && expire.ttlMillis().isPresent()) {
      long ttl = expire.ttlMillis().getAsLong();
      if (ttl < 1 || ttl > Limits.TTL_MILLIS_MAX) {
        return fault(
            ErrorCode.BAD_REQUEST,
            what
                + " "
                + key
                + ": a ttl of "
                + ttl
                + " ms is outside 1 to "
                + Limits.TTL_MILLIS_MAX
                + "; give none for a value that never expires");
      }
    }
    long bytes = operation instanceof Mutation ? weigh(operation, 0) : 0;
    // An entry that has grown by merges may be larger than any value that is written.
    int bytesMax =
        operation instanceof Mutation.Merge
            ? limits.frameBytesMax() - FRAME_REST_BYTES
            : limits.valueBytesMax();
    if (bytes > bytesMax) {
      return fault(
          ErrorCode.VALUE_TOO_LARGE,
          what + " " + key + ": the value has " + bytes + " bytes; the limit is " + bytesMax);
    }
    return Optional.empty();
  }

  /// Whether it is one of the usual operations and nothing is wrong with the call; of others
  /// [#fault] tells.
  static boolean isFaultless(Payload key, Operation operation, Limits limits) {
    return isUsual(operation) && isKey(key, limits) && sizeOf(operation) <= limits.valueBytesMax();
  }

  /// Whether it is what nearly all are: a switch over all operations asks for each type in turn.
  private static boolean isUsual(Operation operation) {
    return operation instanceof Read.Get || operation instanceof Mutation.Put;
  }

  private static boolean isKey(Payload key, Limits limits) {
    return !key.isEmpty() && key.size() <= limits.keyBytesMax();
  }

  /// Bytes of the value that a usual operation brings.
  private static int sizeOf(Operation operation) {
    return operation instanceof Mutation.Put put ? put.value().size() : 0;
  }

  private static Optional<TrellisException.Failure> fault(ErrorCode code, String message) {
    return Optional.of(new TrellisException.Failure(code, message));
  }
}
