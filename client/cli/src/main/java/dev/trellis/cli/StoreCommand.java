package dev.trellis.cli;

import dev.trellis.client.CallOptions;
import dev.trellis.client.TrellisException;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;

/// A command that works on keys of a cluster.
abstract class StoreCommand implements Callable<Integer> {
  @Mixin private final StandardOptions standard = new StandardOptions();
  @Mixin private final ConnectionOptions connection = new ConnectionOptions();

  /// Does the work and returns the [ExitCode]. An `IllegalArgumentException` of the types that
  /// check what they are given counts as misuse.
  abstract int run() throws InterruptedException;

  @Override
  public final Integer call() throws InterruptedException {
    try {
      return run();
    } catch (TrellisException e) {
      throw CommandFailure.of(e);
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCode.MISUSE, String.valueOf(e.getMessage()), e);
    }
  }

  final boolean json() {
    return standard.json();
  }

  final Console console() {
    return standard.console();
  }

  final ConnectionOptions connection() {
    return connection;
  }

  /// Carries out one operation and waits for its reply, whose outcome is `Done`.
  final Reply execute(Payload key, Operation operation, CallOptions options)
      throws InterruptedException {
    return await(connection.connect().execute(key, operation, options));
  }

  static <T> T await(CompletableFuture<T> future) throws InterruptedException {
    try {
      return future.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      }
      throw new IllegalStateException("a call failed in an unknown way", e);
    }
  }

  static View viewOf(Reply reply) {
    return done(reply).view();
  }

  static long changedBy(Reply reply) {
    return done(reply).changed();
  }

  private static Outcome.Done done(Reply reply) {
    return switch (reply.outcome()) {
      case Outcome.Done done -> done;
      case Outcome.Failed failed ->
          throw new IllegalStateException("the client passed on a failure: " + failed);
    };
  }

  /// Prints what was read.
  final int tellRead(String key, Reply reply) {
    View view = viewOf(reply);
    boolean isMissing = view instanceof View.Missing;
    if (json()) {
      Map<String, @Nullable Object> object = described(key, reply);
      Values.describe(object, view);
      Receipts.describe(object, reply);
      console().printLine(Json.write(object));
    } else if (isMissing) {
      console().errorLine("nothing at '" + key + "'");
    } else {
      Values.print(console(), view);
    }
    return isMissing ? ExitCode.NEGATIVE : ExitCode.OK;
  }

  /// Prints what a write answered: its value if it has one, else, for people, that it is done.
  ///
  /// @param done what happened, for people, such as `stored`
  final int tellWritten(String key, Reply reply, String done) {
    View view = viewOf(reply);
    if (json()) {
      Map<String, @Nullable Object> object = described(key, reply);
      object.put("changed", changedBy(reply));
      if (!(view instanceof View.Siblings)) {
        Values.describe(object, view);
      }
      object.put(
          "receipt",
          Values.ordered(
              "copies",
              reply.receipt().copies(),
              "durableCopies",
              reply.receipt().durableCopies()));
      console().printLine(Json.write(object));
    } else if (!(view instanceof View.Nothing) && !(view instanceof View.Siblings)) {
      Values.print(console(), view);
    } else if (console().outputIsTerminal()) {
      console().printLine(done + copies(reply.receipt()));
    }
    return ExitCode.OK;
  }

  private static Map<String, @Nullable Object> described(String key, Reply reply) {
    Map<String, @Nullable Object> object = new LinkedHashMap<>();
    object.put("key", key);
    reply.kind().ifPresent(kind -> object.put("kind", kind.word()));
    object.put("generation", reply.generation().toString());
    return object;
  }

  private static String copies(Receipt receipt) {
    return switch (receipt.copies()) {
      case 0 -> "";
      case 1 -> " (1 copy)";
      default -> " (" + receipt.copies() + " copies)";
    };
  }
}
