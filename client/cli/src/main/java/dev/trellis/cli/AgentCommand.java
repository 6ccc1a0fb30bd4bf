package dev.trellis.cli;

import dev.trellis.client.Trellis;
import dev.trellis.functions.agent.AgentMail;
import dev.trellis.functions.agent.AgentName;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `agent`: looks into the mail of agents.
@Command(
    name = "agent",
    description = "Look into the mail of agents: list, peek.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis agent list",
      "  trellis agent peek account/4711 --limit 20",
      "  trellis agent peek account/4711 --failed --json"
    },
    subcommands = {AgentCommand.ListCommand.class, AgentCommand.PeekCommand.class})
final class AgentCommand extends CommandGroup {
  @Command(
      name = "list",
      description = "List agents that have a mailbox, and how many messages are in each.")
  static final class ListCommand extends StoreCommand {
    @Override
    int run() {
      Trellis trellis = connection().connect();
      AgentMail.agents(trellis).forEach(agent -> tell(agent, AgentMail.size(trellis, agent)));
      return ExitCode.OK;
    }

    private void tell(AgentName agent, long messages) {
      console()
          .printLine(
              json()
                  ? Json.write(Values.ordered("agent", agent.toString(), "messages", messages))
                  : agent + "\t" + messages);
    }
  }

  @Command(
      name = "peek",
      description = {
        "Print the messages that an agent has not handled yet, oldest first: tell, ask or reply, tab,",
        "what was said. They stay, and the agent does not become active by this."
      })
  static final class PeekCommand extends StoreCommand {
    @Parameters(index = "0", paramLabel = "TYPE/ID", description = "The agent.")
    private String name = "";

    @Option(
        names = "--failed",
        description = "Print those instead that it could not handle, for good.")
    private boolean failed;

    @Option(
        names = "--limit",
        paramLabel = "N",
        defaultValue = "100",
        description = "Print at most N (${DEFAULT-VALUE}, up to 1000).")
    private int limit;

    @Override
    int run() {
      AgentName agent = AgentName.ofText(name);
      Trellis trellis = connection().connect();
      List<AgentMail.Letter> letters =
          failed
              ? AgentMail.failed(trellis, agent, limit)
              : AgentMail.waiting(trellis, agent, limit);
      letters.forEach(this::tell);
      if (letters.isEmpty() && !json()) {
        console()
            .errorLine(
                failed
                    ? "agent " + agent + " has handled all it got"
                    : "nothing waits for " + agent);
      }
      return letters.isEmpty() ? ExitCode.NEGATIVE : ExitCode.OK;
    }

    private void tell(AgentMail.Letter letter) {
      String purpose = letter.purpose().name().toLowerCase(Locale.ROOT);
      if (!json()) {
        console().print(purpose + "\t");
        console().print(letter.payload());
        console().print("\n");
        return;
      }
      Map<String, @Nullable Object> object = new LinkedHashMap<>();
      object.put("id", letter.dot().toString());
      object.put("sentMillis", letter.sent().toEpochMilli());
      object.put("purpose", purpose);
      letter.replyTo().ifPresent(where -> object.put("replyTo", where));
      object.put("body", JsonBytes.of(letter.payload()));
      console().printLine(Json.write(object));
    }
  }
}
