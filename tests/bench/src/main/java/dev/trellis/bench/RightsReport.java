package dev.trellis.bench;

import dev.trellis.access.Allowance;
import dev.trellis.access.Caller;
import dev.trellis.access.Grant;
import dev.trellis.access.Rights;
import dev.trellis.access.Role;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Payload;
import dev.trellis.node.shard.Origin;
import dev.trellis.node.shard.Outbox;
import dev.trellis.node.shard.ShardConfig;
import dev.trellis.node.shard.ShardCore;
import dev.trellis.node.store.MemoryStore;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.PlainReply;
import dev.trellis.wire.PlainRequests;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.SplittableRandom;
import org.HdrHistogram.Histogram;

/// What rights cost a shard, and what an allowance does for the neighbours of who is noisy. One
/// shard without a network; all times are those of the thread alone, so that what else runs on the
/// machine matters little.
///
///     java … dev.trellis.bench.RightsReport
public final class RightsReport {
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
  private static final long START_MILLIS = 1_700_000_000_000L;
  private static final int KEYS = 10_000;
  private static final int FRAMES = 1 << 14; // made in advance
  private static final int ROUNDS = 60;
  private static final int NOISY = 256; // connections
  private static final int NOISY_BYTES = 4 << 10;
  private static final long QUIET_EVERY_NANOS = 500_000;
  private static final Duration PHASE = Duration.ofSeconds(5);

  /// Until then an allowance's burst is used up, for which a second's worth is kept.
  private static final Duration SETTLED = Duration.ofSeconds(1);

  private final ShardCore core = new ShardCore(ShardConfig.of("n1", 0, 1, 7), new MemoryStore());
  private final PlainRequests plain = new PlainRequests(Limits.DEFAULT);
  private final SplittableRandom random = new SplittableRandom(7);
  private final Answers answers = new Answers();
  private int stamps;

  private RightsReport() {}

  private static final class Answers implements Outbox {
    private Duration retryAfter = Duration.ZERO; // of the last reply; zero if it was done

    @Override
    public void reply(Origin origin, Reply reply) {
      if (reply.outcome() instanceof Outcome.Failed failed) {
        retryAfter = failed.retryAfter().orElseThrow();
      } else {
        retryAfter = Duration.ZERO;
      }
    }

    @Override
    public void reply(Origin origin, PlainReply reply) {
      retryAfter = Duration.ZERO;
    }

    @Override
    public void changesPending(Origin origin) {}
  }

  private static Caller caller(String name, Allowance allowance, int grants) {
    List<Grant> all = new ArrayList<>();
    for (int number = 1; number < grants; number++) {
      all.add(grant("tenant-0" + number + "/"));
    }
    all.add(grant("tenant-42/")); // as long as the others, so that all of them are looked at
    return new Caller(name, Rights.of(all), allowance);
  }

  private static Grant grant(String prefix) {
    return new Grant(Payload.ofText(prefix), Set.of(Role.READ, Role.WRITE));
  }

  private byte[] frame(boolean isPut, int size, long nowMillis) {
    Payload key = Payload.ofText("tenant-42/%06d".formatted(random.nextInt(KEYS)));
    stamps = stamps % 60_000 + 1;
    return FrameCodec.encode(
        new Frame.Single(
            isPut
                ? new Request(
                    1,
                    key,
                    new Mutation.Put(Payload.of(new byte[size])),
                    RequestContext.mutation(0, HybridTimestamp.of(nowMillis, stamps)))
                : new Request(1, key, Read.Get.ANY, RequestContext.READ)));
  }

  private byte[][] frames(boolean isPut, int size) {
    byte[][] frames = new byte[FRAMES][];
    Arrays.setAll(frames, number -> frame(isPut, size, START_MILLIS));
    return frames;
  }

  private void handle(Origin origin, byte[] frame, long nowMillis) {
    if (!plain.accept(frame, 0, frame.length) || !plain.next()) {
      throw new IllegalStateException("a frame is not plain");
    }
    core.handle(origin, plain, nowMillis, answers);
  }

  // ---- What rights cost ----

  private static final class Case {
    private final String name;
    private final Origin origin;
    private final double[] nanos = new double[ROUNDS]; // for a request

    Case(String name, Origin origin) {
      this.name = name;
      this.origin = origin;
    }
  }

  private void costs(String what, byte[][] frames) {
    List<Case> cases =
        List.of(
            of("security off", Caller.ANONYMOUS),
            of("security off, again", Caller.ANONYMOUS),
            of("administrator", new Caller("root", Rights.ALL, Allowance.UNLIMITED)),
            of("1 grant", caller("one", Allowance.UNLIMITED, 1)),
            of("8 grants", caller("eight", Allowance.UNLIMITED, 8)),
            of(
                "8 grants, allowance",
                caller("limited", new Allowance(1 << 30, 1L << 40, 0, 0), 8)));
    for (int round = 0; round < ROUNDS; round++) {
      for (int number = 0; number < cases.size(); number++) {
        Case one = cases.get((number + round) % cases.size());
        long start = THREADS.getCurrentThreadCpuTime();
        for (byte[] frame : frames) {
          handle(one.origin, frame, START_MILLIS + round);
        }
        one.nanos[round] = (double) (THREADS.getCurrentThreadCpuTime() - start) / FRAMES;
      }
    }
    double off = median(cases.getFirst().nanos);
    for (Case one : cases) {
      double median = median(one.nanos);
      System.out.printf("%-4s %-20s %7.1f ns  %.3f×%n", what, one.name, median, median / off);
    }
  }

  private static Case of(String name, Caller caller) {
    return new Case(name, new Origin(name.hashCode(), 77, caller));
  }

  private static double median(double[] values) {
    double[] sorted =
        Arrays.copyOfRange(values, values.length / 3, values.length); // without warm-up
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  // ---- What an allowance does for neighbours ----

  /// A connection that asks again as soon as it is answered, or as it was told.
  private record Asking(Origin origin, long atNanos, boolean isQuiet) {}

  /// Serves who asked first, as an event loop does whose sockets are read in turn.
  private Histogram serve(Caller noisy, int noisyCount, byte[][] quietFrames) {
    PriorityQueue<Asking> queue = new PriorityQueue<>(Comparator.comparingLong(Asking::atNanos));
    Origin quietOrigin = new Origin(1, 77, caller("quiet", Allowance.UNLIMITED, 1));
    queue.add(new Asking(quietOrigin, 0, true));
    for (int number = 0; number < noisyCount; number++) {
      queue.add(new Asking(new Origin(2 + number, 78 + number, noisy), 0, false));
    }
    Histogram nanos = new Histogram(3);
    long start = THREADS.getCurrentThreadCpuTime();
    long now = 0;
    long ticked = 0;
    while (now < PHASE.toNanos()) {
      now = THREADS.getCurrentThreadCpuTime() - start;
      long nowMillis = START_MILLIS + now / 1_000_000;
      if (now - ticked >= 10_000_000) {
        core.tick(nowMillis, answers);
        ticked = now;
      }
      Asking next = queue.peek();
      if (next == null || next.atNanos > now) {
        continue;
      }
      queue.remove();
      byte[] frame =
          next.isQuiet
              ? quietFrames[random.nextInt(FRAMES)]
              : frame(true, NOISY_BYTES, nowMillis); // its stamp must be of now
      handle(next.origin, frame, nowMillis);
      long done = THREADS.getCurrentThreadCpuTime() - start;
      long again;
      if (next.isQuiet) {
        if (next.atNanos >= SETTLED.toNanos()) {
          nanos.recordValue(done - next.atNanos); // since it was due, however long it waited
        }
        again = next.atNanos + QUIET_EVERY_NANOS;
      } else {
        long wait = answers.retryAfter.toNanos();
        again = done + wait + (wait == 0 ? 0 : random.nextLong(wait / 2)); // as clients do
      }
      queue.add(new Asking(next.origin, again, next.isQuiet));
    }
    return nanos;
  }

  private void fairness() {
    byte[][] gets = frames(false, 0);
    Caller unlimited = caller("noisy", Allowance.UNLIMITED, 1);
    Caller limited = caller("noisy", new Allowance(10_000, 0, 0, 0), 1);
    serve(unlimited, NOISY, gets); // so that the code is compiled
    double[][] p99 = new double[3][3];
    for (int round = 0; round < 3; round++) {
      p99[0][round] = p99(serve(unlimited, 0, gets));
      p99[1][round] = p99(serve(unlimited, NOISY, gets));
      p99[2][round] = p99(serve(limited, NOISY, gets));
    }
    String[] names = {"alone", "beside a noisy one", "beside one with an allowance"};
    for (double[] of : p99) {
      Arrays.sort(of);
    }
    for (int number = 0; number < names.length; number++) {
      System.out.printf(
          "quiet, %-30s p99 %8.1f us  %.2f×%n",
          names[number], p99[number][1], p99[number][1] / p99[0][1]);
    }
  }

  private static double p99(Histogram nanos) {
    return nanos.getValueAtPercentile(99) / 1e3;
  }

  public static void main(String[] arguments) {
    RightsReport report = new RightsReport();
    byte[][] puts = report.frames(true, 64);
    for (byte[] frame : puts) {
      report.handle(new Origin(1, 77, Caller.ANONYMOUS), frame, START_MILLIS);
    }
    report.costs("get", report.frames(false, 0));
    report.costs("put", puts);
    new RightsReport().fairness();
  }
}
