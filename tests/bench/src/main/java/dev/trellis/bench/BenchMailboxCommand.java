package dev.trellis.bench;

import dev.trellis.bench.peers.Machine;
import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.ConnectionOptions;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Json;
import dev.trellis.cli.StandardOptions;
import dev.trellis.cli.WriteOptions;
import dev.trellis.client.CallOptions;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.functions.mailbox.Mailboxes;
import dev.trellis.functions.mailbox.Receiver;
import dev.trellis.functions.mailbox.ReceiverOptions;
import dev.trellis.functions.mailbox.Sender;
import dev.trellis.functions.mailbox.SenderOptions;
import dev.trellis.lattice.Payload;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `bench-mailbox`: how many messages a second go from one sender through a mailbox to one
/// receiver, each handed to the handler before it counts.
@Command(
    name = "bench-mailbox",
    description = {
      "Measure how many messages a second one sender gets through a mailbox to one receiver, with a"
          + " client each.",
      "The sender does not wait for each message, so they travel many in a record. A message counts when"
          + " the handler has got it."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis bench-mailbox --ack one",
      "  trellis bench-mailbox --messages 1000000 --bytes 1000 --json"
    })
@SuppressWarnings("FieldCanBeFinal") // picocli sets them
final class BenchMailboxCommand implements Callable<Integer> {
  private static final String MAILBOX = "bench";
  private static final long PATIENCE_SECONDS = 60;
  private static final int BYTES_MAX = 1 << 20;

  @Mixin private final StandardOptions standard = new StandardOptions();
  @Mixin private final ConnectionOptions connection = new ConnectionOptions();
  @Mixin private final WriteOptions write = new WriteOptions();

  @Option(
      names = "--messages",
      paramLabel = "N",
      defaultValue = "1000000",
      description = "How many, after half as many unmeasured (${DEFAULT-VALUE}).")
  private int messages;

  @Option(
      names = "--bytes",
      paramLabel = "N",
      defaultValue = "100",
      description = "Of each (${DEFAULT-VALUE}).")
  private int bytes;

  @Override
  public Integer call() throws InterruptedException {
    if (messages < 1 || bytes < 0 || bytes > BYTES_MAX) {
      throw new CommandFailure(
          ExitCode.MISUSE,
          "--messages " + messages + " must be 1 or more, --bytes " + bytes + " 0 to " + BYTES_MAX);
    }
    CallOptions call = write.applyTo(connection.callOptions());
    ClientConfig config = connection.config().withEventLoopThreads(1);
    Semaphore arrived = new Semaphore(0);
    try (Trellis from = Trellis.connect(config);
        Trellis to = Trellis.connect(config);
        Mailboxes ofSender = Mailboxes.over(from);
        Mailboxes ofReceiver = Mailboxes.over(to)) {
      ofReceiver.delete(MAILBOX);
      long _ = ofReceiver.size(MAILBOX); // who may not read it would wait for the first message
      try (Sender sender =
              ofSender.sender(SenderOptions.DEFAULT.withAcknowledgement(call.acknowledgement()));
          Receiver receiver =
              ofReceiver.receive(
                  MAILBOX,
                  _ -> arrived.release(),
                  ReceiverOptions.DEFAULT.withAcknowledgement(call.acknowledgement()))) {
        var _ = run(sender, arrived, messages / 2);
        double seconds = run(sender, arrived, messages);
        tell(call, seconds, receiver);
      }
      ofReceiver.delete(MAILBOX);
    } catch (TrellisException e) {
      throw CommandFailure.of(e);
    }
    return ExitCode.OK;
  }

  private double run(Sender sender, Semaphore arrived, int count) throws InterruptedException {
    Payload body = Payload.of(new byte[bytes]);
    AtomicReference<Throwable> failed = new AtomicReference<>();
    long begun = System.nanoTime();
    for (int i = 0; i < count; i++) {
      var _ =
          sender
              .send(MAILBOX, body)
              .whenComplete(
                  (_, failure) -> {
                    if (failure != null) {
                      failed.compareAndSet(null, failure);
                    }
                  });
    }
    boolean all = false;
    for (int waited = 0; waited < PATIENCE_SECONDS && !all && failed.get() == null; waited++) {
      all = arrived.tryAcquire(count, 1, TimeUnit.SECONDS);
    }
    double seconds = (System.nanoTime() - begun) / 1e9;
    sender.flush();
    if (failed.get() instanceof TrellisException refused) {
      throw refused;
    }
    if (!all || failed.get() != null) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT,
          arrived.availablePermits()
              + " of "
              + count
              + " messages had arrived "
              + Math.round(seconds)
              + " s after the first was sent"
              + (failed.get() == null ? "" : "; the first failure: " + failed.get()));
    }
    return seconds;
  }

  private void tell(CallOptions call, double seconds, Receiver receiver) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("messages", (long) messages);
    result.put("bytes", (long) bytes);
    result.put("acknowledgement", call.acknowledgement().name().toLowerCase(Locale.ROOT));
    result.put("messagesPerSecond", Math.round(messages / seconds));
    result.put("seconds", seconds);
    result.put("failures", receiver.failures());
    result.put("machine", Machine.describe());
    result.put("load", ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage());
    result.put("commit", Machine.commit(Path.of(System.getProperty("trellis.home", "."))));
    if (standard.json()) {
      standard.console().printLine(Json.write(result));
    } else {
      result.forEach((name, value) -> standard.console().printLine(name + ": " + value));
    }
  }
}
