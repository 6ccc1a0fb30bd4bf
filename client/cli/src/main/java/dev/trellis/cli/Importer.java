package dev.trellis.cli;

import dev.trellis.client.Call;
import dev.trellis.client.CallOptions;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Reply;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/// Writes lines into a store: several batches are under way at a time, and bounded in number and
/// size, so that a file of any length takes the same memory.
final class Importer {
  private static final int BATCH_CALLS = 256;
  private static final long BATCH_BYTES = 256 << 10;
  private static final int BATCHES_UNDER_WAY = 8;
  private static final int ATTEMPTS_MAX = 100;
  private static final Duration RETRY_AFTER = Duration.ofMillis(50);

  private final Trellis trellis;
  private final CallOptions options;
  private final Consumer<Failure> failures;
  private final Deque<List<Sent>> underWay = new ArrayDeque<>();
  private final Set<Payload> keysUnderWay = new HashSet<>();
  private List<Line> batch = new ArrayList<>();
  private int batchCalls;
  private long batchBytes;
  private long imported;

  /// A line that could not be imported.
  ///
  /// @param imported how many could, before it was found out
  record Failure(long lineNumber, long imported, CommandFailure cause) {}

  private record Line(long number, Payload key, List<Call> calls) {}

  private record Sent(Line line, List<CompletableFuture<Reply>> replies) {}

  /// @param failures is told of each line that cannot be imported, and may throw to stop
  Importer(Trellis trellis, CallOptions options, Consumer<Failure> failures) {
    this.trellis = trellis;
    this.options = options;
    this.failures = failures;
  }

  /// How many lines are known to be in the store.
  long imported() {
    return imported;
  }

  /// Takes a line; waits while too many are under way.
  ///
  /// @param lineBytes its length in the file, a measure of the memory it takes
  void add(long lineNumber, JsonLine line, int lineBytes) throws InterruptedException {
    if (keysUnderWay.contains(line.key())) {
      finish(); // else a refused and repeated write could overtake a later one of the same key
    }
    List<Call> calls =
        line.writes().stream()
            .map(
                write ->
                    new Call(
                        line.key(),
                        write.mutation(),
                        write.ttl().map(options::withTtl).orElse(options)))
            .toList();
    keysUnderWay.add(line.key());
    batch.add(new Line(lineNumber, line.key(), calls));
    batchCalls += calls.size();
    batchBytes += lineBytes;
    if (batchCalls >= BATCH_CALLS || batchBytes >= BATCH_BYTES) {
      send();
    }
  }

  /// Sends what is left and waits until all is answered.
  void finish() throws InterruptedException {
    send();
    while (!underWay.isEmpty()) {
      settleOldest();
    }
  }

  private void send() throws InterruptedException {
    if (underWay.size() >= BATCHES_UNDER_WAY) {
      settleOldest();
    }
    List<CompletableFuture<Reply>> replies =
        trellis.executeAll(batch.stream().flatMap(line -> line.calls().stream()).toList());
    List<Sent> sent = new ArrayList<>(batch.size());
    int at = 0;
    for (Line line : batch) {
      sent.add(new Sent(line, replies.subList(at, at + line.calls().size())));
      at += line.calls().size();
    }
    underWay.add(sent);
    batch = new ArrayList<>();
    batchCalls = 0;
    batchBytes = 0;
  }

  private void settleOldest() throws InterruptedException {
    List<Sent> oldest = underWay.remove();
    List<Failure> found = new ArrayList<>();
    for (Sent sent : oldest) {
      try {
        settle(sent);
        imported++;
      } catch (TrellisException e) {
        found.add(new Failure(sent.line().number(), 0, failureOf(sent.line(), e)));
      }
      keysUnderWay.remove(sent.line().key());
    }
    for (Failure failure : found) {
      failures.accept(new Failure(failure.lineNumber(), imported, failure.cause()));
    }
  }

  private static CommandFailure failureOf(Line line, TrellisException failure) {
    CommandFailure cause = CommandFailure.of(failure);
    return new CommandFailure(
        cause.exitCode(), "key " + line.key() + ": " + cause.getMessage(), cause.code(), cause);
  }

  private void settle(Sent sent) throws InterruptedException {
    for (int i = 0; i < sent.replies().size(); i++) {
      CompletableFuture<Reply> reply = sent.replies().get(i);
      for (int attempt = 1; ; attempt++) {
        try {
          StoreCommand.await(reply);
          break;
        } catch (DefiniteException.Overloaded e) {
          if (attempt == ATTEMPTS_MAX) {
            throw e;
          }
          Thread.sleep(e.retryAfter().orElse(RETRY_AFTER));
          Call call = sent.line().calls().get(i);
          reply = trellis.execute(call.key(), call.operation(), call.options());
        }
      }
    }
  }
}
