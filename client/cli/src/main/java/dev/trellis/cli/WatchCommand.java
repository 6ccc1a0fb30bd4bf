package dev.trellis.cli;

import dev.trellis.client.TrellisException;
import dev.trellis.client.Watch;
import dev.trellis.client.WatchListener;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.util.Optional;
import java.util.concurrent.SynchronousQueue;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `watch`: prints a key's value now and after each change.
@Command(
    name = "watch",
    description = "Print a value now and after each change, one a line, until Ctrl-C.",
    footerHeading = "%nExamples:%n",
    footer = {"  trellis watch visits", "  trellis watch jobs --count 1 --json"})
final class WatchCommand extends StoreCommand {
  @Parameters(paramLabel = "KEY", description = "The key.")
  private String key = "";

  @Option(
      names = "--kind",
      paramLabel = "KIND",
      description = "Insist on a kind of value; any will do by default.")
  private @Nullable Kind kind;

  @Option(names = "--count", paramLabel = "N", description = "End after N states.")
  private long count = Long.MAX_VALUE;

  /// What the watch tells: exactly one of the two.
  private record Event(Optional<Reply> state, Optional<TrellisException> end) {}

  @Override
  int run() throws InterruptedException {
    // Handing over one by one keeps a slow terminal from filling the memory: the client coalesces.
    SynchronousQueue<Event> events = new SynchronousQueue<>();
    WatchListener listener =
        new WatchListener() {
          @Override
          public void onState(Reply reply) {
            hand(new Event(Optional.of(reply), Optional.empty()));
          }

          @Override
          public void onFailure(TrellisException failure) {
            hand(new Event(Optional.empty(), Optional.of(failure)));
          }

          private void hand(Event event) {
            try {
              events.put(event);
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt(); // the client is closing
            }
          }
        };
    Watch watch =
        connection().connect().watch(Payload.ofText(key), Optional.ofNullable(kind), listener);
    try {
      for (long told = 0; told < count; told++) {
        Event event = events.take();
        if (event.end().isPresent()) {
          throw event.end().get();
        }
        event.state().ifPresent(this::tell);
        console().flush();
      }
    } finally {
      watch.close();
    }
    return ExitCode.OK;
  }

  private void tell(Reply reply) {
    View view = viewOf(reply);
    if (json()) {
      tellRead(key, reply);
    } else if (view instanceof View.Missing) {
      console().printLine("(nothing)");
    } else {
      Values.printOnOneLine(console(), view);
    }
  }
}
