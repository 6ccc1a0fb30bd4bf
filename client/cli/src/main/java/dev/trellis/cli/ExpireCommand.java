package dev.trellis.cli;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Reply;
import java.util.OptionalLong;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/// `expire`: sets how long a key lives whose kind is not written as a whole.
@Command(
    name = "expire",
    description = "Let a key of any kind but lww and causal end after a time.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis expire visits 24h",
      "  trellis expire visits never",
      "  trellis put greeting hello --ttl 24h     for lww, as part of the value"
    })
final class ExpireCommand extends StoreCommand {
  @Mixin private final WriteOptions write = new WriteOptions();

  @Parameters(index = "0", paramLabel = "KEY", description = "The key.")
  private String key = "";

  @Parameters(index = "1", paramLabel = "TIME", description = "Such as 10s or 7d, or 'never'.")
  private String time = "";

  @Override
  int run() throws InterruptedException {
    OptionalLong ttl =
        time.equals("never")
            ? OptionalLong.empty()
            : OptionalLong.of(Durations.parse(time).toMillis());
    Reply reply =
        execute(
            Payload.ofText(key),
            new Mutation.Expire(ttl),
            write.applyTo(connection().callOptions()));
    return reply.kind().isEmpty()
        ? tellRead(key, reply)
        : tellWritten(key, reply, "'" + key + "' ends " + (ttl.isEmpty() ? "never" : "in " + time));
  }
}
