package dev.trellis.routing.gateway;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.CallOptions;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Demand;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.ReadMode;
import dev.trellis.wire.Reply;
import java.time.Duration;
import java.util.Optional;

/// Reads how a call is carried out from the arguments of a request.
///
/// @param failsOnShortfall whether a write that fewer replicas than asked for have is answered as
///   an error
record Options(CallOptions call, boolean failsOnShortfall) {
  private static final Duration TTL_MAX = Duration.ofMillis(Limits.TTL_MILLIS_MAX);
  private static final Duration TIMEOUT_MAX = Duration.ofDays(1);
  private static final Demand RECEIPT = new Demand(HybridTimestamp.ZERO, true, false);

  /// Of a read: `read`, `generation`, `timeout`.
  static Options ofRead(Arguments arguments) {
    CallOptions options = common(arguments);
    Optional<ReadMode> mode = arguments.word("read", ReadMode::ofWord);
    return new Options(mode.map(options::withReadMode).orElse(options), false);
  }

  /// Of a wait: `timeout`.
  static Options ofAwait(Arguments arguments) {
    return new Options(timed(arguments, CallOptions.DEFAULT), false);
  }

  /// Of a mutation: `ack`, `shortfall`, `ttl`, `generation`, `timeout`.
  static Options ofMutation(Arguments arguments, Mutation mutation) {
    CallOptions options = common(arguments);
    Optional<Acknowledgement> level = arguments.word("ack", Acknowledgement::ofWord);
    if (level.isPresent()) {
      options = options.withAcknowledgement(level.get());
    }
    Optional<String> ttl = Mutations.takesTtl(mutation) ? arguments.text("ttl") : Optional.empty();
    if (ttl.isPresent()) {
      options = options.withTtl(Durations.parse("ttl", ttl.get(), TTL_MAX));
    }
    return new Options(options, failsOnShortfall(arguments));
  }

  /// Of a commit: `shortfall`.
  static Options ofCommit(Arguments arguments) {
    return new Options(CallOptions.DEFAULT, failsOnShortfall(arguments));
  }

  private static boolean failsOnShortfall(Arguments arguments) {
    String shortfall = arguments.text("shortfall").orElse("accept");
    return switch (shortfall) {
      case "accept" -> false;
      case "fail" -> true;
      default -> throw arguments.refusal("'shortfall' must be accept or fail, but is " + shortfall);
    };
  }

  /// The same, and the reply is to have a receipt.
  Options withReceipt() {
    return new Options(call.withDemand(RECEIPT), failsOnShortfall);
  }

  /// Whether the store keeps a write, on fewer nodes than asked for.
  static boolean isShortfall(StoreResult.Failed failed) {
    return failed.code() == ErrorCode.NOT_ENOUGH_REPLICAS
        && failed.reply().filter(reply -> reply.receipt().copies() > 0).isPresent();
  }

  /// The reply to a write that is kept by too few nodes, where the caller puts up with that.
  Optional<Reply> acceptedShortfall(StoreResult.Failed failed) {
    return isShortfall(failed) && !failsOnShortfall ? failed.reply() : Optional.empty();
  }

  private static CallOptions timed(Arguments arguments, CallOptions options) {
    Optional<String> timeout = arguments.text("timeout");
    return timeout.isPresent()
        ? options.withTimeout(Durations.parse("timeout", timeout.get(), TIMEOUT_MAX))
        : options;
  }

  private static CallOptions common(Arguments arguments) {
    CallOptions options = timed(arguments, CallOptions.DEFAULT);
    return arguments
        .word("generation", ContextText::parseTimestamp)
        .map(options::withGeneration)
        .orElse(options);
  }
}
