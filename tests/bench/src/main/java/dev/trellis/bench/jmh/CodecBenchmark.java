package dev.trellis.bench.jmh;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Expiry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.LatticeCodec;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import dev.trellis.wire.View;
import dev.trellis.wire.WireException;
import java.nio.ByteBuffer;
import java.util.Collections;
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

/// What it takes to turn frames and entries into bytes and back.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class CodecBenchmark {
  private static final HybridTimestamp NOW = HybridTimestamp.ofMillis(1_700_000_000_000L);
  private static final int VALUE_BYTES = 64;
  private static final int BATCH = 64;

  /// The frames of every day; `put64` and `values64` are batches of 64.
  @Param({"get", "put", "value", "put64", "values64"})
  public String frame = "";

  private final FrameCodec codec = new FrameCodec(Limits.DEFAULT);
  private final Entry entry =
      Entry.of(
          HybridTimestamp.ZERO,
          LwwRegister.of(NOW, 7, Expiry.NEVER, Payload.of(new byte[VALUE_BYTES])));
  private Frame decoded = new Frame.Ping(0);
  private ByteBuffer encoded = ByteBuffer.allocate(0);
  private ByteBuffer encodedEntry = ByteBuffer.allocate(0);

  /// Makes the frames.
  @Setup
  public void prepare() {
    Payload value = Payload.of(new byte[VALUE_BYTES]);
    Payload key = Payload.ofText("bench:12345");
    Request get =
        new Request(12_345, key, new Read.Get(Optional.of(Kind.LWW)), RequestContext.READ);
    Request put =
        new Request(12_345, key, new Mutation.Put(value), RequestContext.mutation(12_345, NOW));
    Reply reply =
        new Reply(
            12_345,
            new Outcome.Done(new View.Bytes(value, Expiry.NEVER), 0, false),
            HybridTimestamp.ZERO,
            Optional.of(Kind.LWW),
            CausalContext.EMPTY,
            Receipt.NONE,
            NOW,
            1);
    decoded =
        switch (frame) {
          case "get" -> new Frame.Single(get);
          case "put" -> new Frame.Single(put);
          case "value" -> new Frame.Answer(reply);
          case "put64" -> new Frame.Batch(Collections.nCopies(BATCH, put));
          case "values64" -> new Frame.Answers(Collections.nCopies(BATCH, reply));
          default -> throw new IllegalArgumentException("no frame is called " + frame);
        };
    encoded = ByteBuffer.wrap(FrameCodec.encode(decoded));
    encodedEntry = LatticeCodec.encode(entry).asByteBuffer();
  }

  /// A frame to bytes.
  @Benchmark
  public byte[] encode() {
    return FrameCodec.encode(decoded);
  }

  /// Bytes to a frame.
  @Benchmark
  public Frame decode() throws WireException {
    return codec.decode(encoded);
  }

  /// An entry to bytes, the same whatever the frame.
  @Benchmark
  public Payload encodeEntry() {
    return LatticeCodec.encode(entry);
  }

  /// Bytes to an entry, the same whatever the frame.
  @Benchmark
  public Entry decodeEntry() throws WireException {
    return LatticeCodec.decode(encodedEntry);
  }
}
