package dev.trellis.cli;

import dev.trellis.client.CallOptions;
import dev.trellis.client.Trellis;
import dev.trellis.functions.mailbox.Delivery;
import dev.trellis.functions.mailbox.Mailboxes;
import dev.trellis.functions.mailbox.Message;
import dev.trellis.functions.mailbox.Sender;
import dev.trellis.functions.mailbox.SenderOptions;
import dev.trellis.lattice.Payload;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `mailbox`: looks into the mailboxes of functions, and sends to them.
@Command(
    name = "mailbox",
    description = "Look into mailboxes of functions, and send to them: list, peek, send, delete.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis mailbox list",
      "  trellis mailbox send orders 'two apples' --header kind=fruit",
      "  trellis mailbox peek orders --limit 20",
      "  trellis mailbox peek orders/dead --json"
    },
    subcommands = {
      MailboxCommand.ListCommand.class,
      MailboxCommand.PeekCommand.class,
      MailboxCommand.SendCommand.class,
      MailboxCommand.DeleteCommand.class
    })
final class MailboxCommand extends CommandGroup {
  @Command(
      name = "list",
      description = {
        "List mailboxes and how many records wait in each; small messages travel many in a record.",
        "What could not be handled of NAME is in the mailbox NAME/dead. The mail of agents: agent list."
      })
  static final class ListCommand extends StoreCommand {
    @Parameters(
        paramLabel = "PREFIX",
        arity = "0..1",
        description = "What the names start with; all by default, if you may read all.")
    private String prefix = "";

    @Override
    int run() {
      Trellis trellis = connection().connect();
      try (Mailboxes mailboxes = Mailboxes.over(trellis)) {
        Mailboxes.names(trellis, prefix).forEach(name -> tell(name, mailboxes.size(name)));
      }
      return ExitCode.OK;
    }

    private void tell(String name, long records) {
      console()
          .printLine(
              json()
                  ? Json.write(Values.ordered("mailbox", name, "records", records))
                  : name + "\t" + records);
    }
  }

  /// One that works on one mailbox.
  abstract static class OfMailbox extends StoreCommand {
    @Parameters(index = "0", paramLabel = "NAME", description = "The mailbox.")
    private String name = "";

    final String name() {
      return name;
    }
  }

  @Command(
      name = "peek",
      description = "Print the messages that wait, oldest first. They stay for their receiver.")
  static final class PeekCommand extends OfMailbox {
    @Option(
        names = "--limit",
        paramLabel = "N",
        defaultValue = "100",
        description = "Print at most N (${DEFAULT-VALUE}).")
    private int limit;

    @Override
    int run() {
      if (limit < 1) {
        throw new IllegalArgumentException("--limit " + limit + " is below 1");
      }
      List<Delivery> waiting;
      try (Mailboxes mailboxes = Mailboxes.over(connection().connect())) {
        waiting = mailboxes.peek(name(), limit);
      }
      waiting.stream().limit(limit).forEach(this::tell);
      if (waiting.isEmpty() && !json()) {
        console().errorLine("nothing waits in mailbox '" + name() + "'");
      }
      return waiting.isEmpty() ? ExitCode.NEGATIVE : ExitCode.OK;
    }

    private void tell(Delivery delivery) {
      Message message = delivery.message();
      if (!json()) {
        console().print(message.body());
        console().print("\n");
        return;
      }
      Map<String, @Nullable Object> object = new LinkedHashMap<>();
      object.put("id", delivery.id());
      object.put("sentMillis", delivery.sent().millis());
      message.from().ifPresent(from -> object.put("from", from));
      switch (message.purpose()) {
        case Message.Purpose.Notice notice -> {}
        case Message.Purpose.Question question -> object.put("replyTo", question.replyTo());
        case Message.Purpose.Answer answer -> object.put("answer", answer.correlation());
      }
      if (!message.headers().isEmpty()) {
        object.put("headers", message.headers());
      }
      object.put("body", JsonBytes.of(message.body()));
      console().printLine(Json.write(object));
    }
  }

  @Command(name = "send", description = "Send messages, in the order given.")
  static final class SendCommand extends OfMailbox {
    @Mixin private final WriteOptions write = new WriteOptions();

    @Parameters(index = "1..*", paramLabel = "TEXT", arity = "1..*", description = "Their bodies.")
    private List<String> texts = List.of();

    @Option(names = "--from", paramLabel = "NAME", description = "Who sends.")
    private @Nullable String from;

    @Option(
        names = "--header",
        paramLabel = "NAME=VALUE",
        description = "What goes with each of them.")
    private Map<String, String> headers = new LinkedHashMap<>();

    @Override
    int run() throws InterruptedException {
      CallOptions call = write.applyTo(connection().callOptions());
      SenderOptions options = SenderOptions.DEFAULT.withAcknowledgement(call.acknowledgement());
      if (call.timeout().isPresent()) {
        options = options.withTimeout(call.timeout().get());
      }
      try (Mailboxes mailboxes = Mailboxes.over(connection().connect());
          Sender sender = mailboxes.sender(options)) {
        CompletableFuture<?>[] sent =
            texts.stream().map(text -> sent(sender, text)).toArray(CompletableFuture<?>[]::new);
        var unused = await(CompletableFuture.allOf(sent));
      }
      if (json()) {
        console().printLine(Json.write(Values.ordered("mailbox", name(), "sent", texts.size())));
      } else if (console().outputIsTerminal()) {
        console().printLine("sent " + texts.size());
      }
      return ExitCode.OK;
    }

    private CompletableFuture<?> sent(Sender sender, String text) {
      Message message = Message.of(Payload.ofText(text)).withHeaders(headers);
      return sender.send(name(), from == null ? message : message.withFrom(from));
    }
  }

  @Command(
      name = "delete",
      description = "Delete a mailbox with all that waits in it. Exits with 1 where there is none.")
  static final class DeleteCommand extends OfMailbox {
    @Override
    int run() {
      boolean was;
      try (Mailboxes mailboxes = Mailboxes.over(connection().connect())) {
        was = mailboxes.delete(name());
      }
      if (json()) {
        console().printLine(Json.write(Values.ordered("mailbox", name(), "deleted", was)));
      } else if (!was) {
        console().errorLine("no mailbox '" + name() + "'");
      }
      return was ? ExitCode.OK : ExitCode.NEGATIVE;
    }
  }
}
