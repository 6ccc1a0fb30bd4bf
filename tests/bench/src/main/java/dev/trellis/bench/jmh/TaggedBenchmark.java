package dev.trellis.bench.jmh;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.Tag;
import dev.trellis.execution.EntryWriter;
import dev.trellis.execution.Refusal;
import dev.trellis.execution.WriteContext;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.LatticeCodec;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.WireException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/// What a tag costs: the same mutations with tags and without, and what becomes of them.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class TaggedBenchmark {
  private static final long MILLIS = 1_700_000_000_000L;

  /// What is added to: numbers to a counter, records to a log, elements to a set with removal.
  @Param({"counter", "log", "orset"})
  public String kind = "";

  /// Mutations that are in the state, each with a tag of an invocation of its own, or none with
  /// one.
  @Param({"1", "100", "10000"})
  public int mutations;

  @Param({"false", "true"})
  public boolean tagged;

  private Entry state = Entry.BOTTOM;
  private Entry other = Entry.BOTTOM;
  private Entry delta = Entry.BOTTOM;
  private ByteBuffer encoded = ByteBuffer.allocate(0);
  private Mutation next = new Mutation.Delete();
  private Optional<Tag> nextTag = Optional.empty();

  /// Makes the states.
  @Setup
  public void prepare() throws Refusal {
    for (int number = 0; number < mutations; number++) {
      state = written(state, mutation(number), tag(number), 1).after();
    }
    next = mutation(mutations);
    nextTag = tag(mutations);
    delta = written(state, next, nextTag, 2).delta();
    other = state.merge(delta);
    encoded = LatticeCodec.encode(state).asByteBuffer();
  }

  private Mutation mutation(int number) {
    Payload element = Payload.ofText("element-" + number);
    return switch (kind) {
      case "counter" -> new Mutation.Increment(1 + number);
      case "log" -> new Mutation.Append(List.of(element));
      case "orset" -> new Mutation.Add(Kind.ORSET, List.of(element));
      default -> throw new IllegalArgumentException("no kind '" + kind + "' here");
    };
  }

  private Optional<Tag> tag(int number) {
    return tagged
        ? Optional.of(new Tag(new InvocationId((MILLIS + number) << 16, number), 1))
        : Optional.empty();
  }

  private static EntryWriter.Written written(
      Entry before, Mutation mutation, Optional<Tag> tag, long incarnation) throws Refusal {
    HybridTimestamp now = HybridTimestamp.ofMillis(MILLIS);
    WriteContext context =
        new WriteContext(now, 7, 0, MILLIS, now, incarnation, 0, () -> 0, List.of(), 0, tag);
    return new EntryWriter(context).write(before, HybridTimestamp.ZERO, mutation, "key k", 0);
  }

  /// A mutation at the replica that carries it out.
  @Benchmark
  public EntryWriter.Written write() throws Refusal {
    return written(state, next, nextTag, 1);
  }

  /// What another replica has added, one mutation.
  @Benchmark
  public Entry merge() {
    return state.merge(delta);
  }

  /// A state and one of a moment later, as after a lost message.
  @Benchmark
  public Entry mergeStates() {
    return state.merge(other);
  }

  /// All invocations are over: what is kept for their sake is forgotten, or found not to be there.
  @Benchmark
  public Entry fold() {
    return state.withoutTombstones(HybridTimestamp.ZERO, MILLIS + mutations);
  }

  /// A state to bytes.
  @Benchmark
  public Payload encode() {
    return LatticeCodec.encode(state);
  }

  /// Bytes to a state.
  @Benchmark
  public Entry decode() throws WireException {
    return LatticeCodec.decode(encoded);
  }
}
