package dev.trellis.bench;

import dev.trellis.cli.CommandFailure;
import dev.trellis.client.CallOptions;
import dev.trellis.wire.Acknowledgement;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// The options of every command that puts a load on a cluster: what is asked, and of which keys. A
/// command says what counts where they are not given.
@SuppressWarnings("FieldCanBeFinal") // picocli sets them
final class LoadOptions {
  private static final int READ_PERCENT = 50;
  private static final double THETA = 0.99;

  private final int defaultValueBytes;

  @Option(
      names = "--value-size",
      paramLabel = "BYTES",
      converter = ValueSizes.Converter.class,
      description =
          "Size of a value, or a range such as 64-1024 (default: 64; 1000 with nodes and workloads).")
  private @Nullable ValueSizes values;

  @Option(
      names = "--read-percent",
      paramLabel = "P",
      description = "Share of reads, 0 to 100; the rest are writes (default: 50).")
  private @Nullable Integer readPercent;

  @Option(
      names = "--keys-drawn",
      paramLabel = "HOW",
      converter = Words.OfKeys.class,
      description =
          "uniform; zipf, the key of rank r as often as 1/r^theta; scrambled, the same with the"
              + " frequent keys scattered; latest, the same by age; single, one key (default:"
              + " uniform).")
  private @Nullable Keys keys;

  @Option(
      names = "--theta",
      paramLabel = "T",
      description = "Exponent of zipf, above 0 and up to 10; 1 and 4.0 too (default: 0.99).")
  private @Nullable Double theta;

  @Option(
      names = "--ack",
      paramLabel = "LEVEL",
      defaultValue = "default",
      description =
          "What writes wait for: one, replicated or durable (default: what the cluster does).")
  private Acknowledgement acknowledgement = Acknowledgement.DEFAULT;

  @Option(
      names = "--seed",
      paramLabel = "S",
      defaultValue = "1",
      description = "Decides which keys and operations are drawn (${DEFAULT-VALUE}).")
  private long seed;

  /// @param defaultValueBytes the size of values where none is given
  LoadOptions(int defaultValueBytes) {
    this.defaultValueBytes = defaultValueBytes;
  }

  /// The sizes of values.
  ///
  /// @param workload whose sizes count where none are given; null for none
  ValueSizes values(@Nullable Workload workload) {
    if (values != null) {
      return values;
    }
    return ValueSizes.of(workload == null ? defaultValueBytes : Workload.VALUE_BYTES);
  }

  /// What is asked for.
  ///
  /// @throws IllegalArgumentException if a workload says it too
  Mix mix(@Nullable Workload workload) {
    if (workload == null) {
      int percent = readPercent == null ? READ_PERCENT : readPercent;
      CommandFailure.requireWithin("--read-percent", percent, 0, 100);
      return Mix.ofReads(percent);
    }
    refuseBesideWorkload("--read-percent", readPercent, workload);
    return workload.mix();
  }

  /// How keys are drawn.
  ///
  /// @throws IllegalArgumentException if a workload says it too
  Keys keys(@Nullable Workload workload) {
    if (workload == null) {
      return keys == null ? Keys.UNIFORM : keys;
    }
    refuseBesideWorkload("--keys-drawn", keys == null ? null : keys.word(), workload);
    return workload.keys();
  }

  /// The exponent of zipf.
  ///
  /// @throws IllegalArgumentException if a workload says it too
  double theta(@Nullable Workload workload) {
    if (workload == null) {
      return theta == null ? THETA : theta;
    }
    refuseBesideWorkload("--theta", theta, workload);
    return Workload.THETA;
  }

  private static void refuseBesideWorkload(
      String option, @Nullable Object given, Workload workload) {
    if (given != null) {
      throw new IllegalArgumentException(
          "%s %s: --workload %s says that already; leave out one of them"
              .formatted(option, given, Words.of(workload)));
    }
  }

  long seed() {
    return seed;
  }

  /// Calls that wait for what was said.
  CallOptions applyTo(CallOptions options) {
    return options.withAcknowledgement(acknowledgement);
  }
}
