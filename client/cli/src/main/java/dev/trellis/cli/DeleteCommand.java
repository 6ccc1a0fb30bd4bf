package dev.trellis.cli;

import dev.trellis.client.Call;
import dev.trellis.client.CallOptions;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Reply;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/// `delete`: deletes keys, whatever their kinds.
@Command(
    name = "delete",
    description = "Delete keys. Exits with 1 if none of them was there.",
    footerHeading = "%nExamples:%n",
    footer = {"  trellis delete greeting", "  trellis scan old: | xargs trellis delete"})
final class DeleteCommand extends StoreCommand {
  @Mixin private final WriteOptions write = new WriteOptions();

  @Parameters(paramLabel = "KEY", arity = "1..*", description = "The keys.")
  private List<String> keys = List.of();

  @Override
  int run() throws InterruptedException {
    CallOptions options = write.applyTo(connection().callOptions());
    List<Call> calls =
        keys.stream()
            .map(key -> new Call(Payload.ofText(key), new Mutation.Delete(), options))
            .toList();
    List<CompletableFuture<Reply>> replies = connection().connect().executeAll(calls);
    boolean deletedSome = false;
    for (int i = 0; i < keys.size(); i++) {
      Reply reply = await(replies.get(i));
      boolean deleted = changedBy(reply) > 0;
      deletedSome |= deleted;
      if (deleted || json()) {
        tellWritten(keys.get(i), reply, "deleted '" + keys.get(i) + "'");
      } else {
        console().errorLine("nothing at '" + keys.get(i) + "'");
      }
    }
    return deletedSome ? ExitCode.OK : ExitCode.NEGATIVE;
  }
}
