package dev.trellis.cli;

import dev.trellis.client.PlacementHandle;
import dev.trellis.wire.Placement;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.View;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `placement`: shows or decides how many replicas a key has, and where.
@Command(
    name = "placement",
    description = "Show where a key belongs, or decide it.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis placement visits",
      "  trellis placement visits --memory 2 --shards-per-node 2    for a hot key",
      "  trellis placement visits --default"
    })
final class PlacementCommand extends StoreCommand {
  private static final int COUNT_MAX = 1_000;

  @Mixin private final WriteOptions write = new WriteOptions();

  @Parameters(paramLabel = "KEY", description = "The key; it need not have been written.")
  private String key = "";

  @Option(
      names = "--memory",
      paramLabel = "N",
      description =
          "Keep the key on N nodes of the memory tier, 0 to 1000; more than there are "
              + "means all.")
  private @Nullable Integer memoryNodes;

  @Option(
      names = "--ssd",
      paramLabel = "N",
      description = "Keep it on N nodes of the SSD tier, 0 to 1000.")
  private @Nullable Integer ssdNodes;

  @Option(
      names = "--shards-per-node",
      paramLabel = "N",
      description = "Keep it in N shards of each such node, 1 to 1000.")
  private @Nullable Integer shardsPerNode;

  @Option(names = "--default", description = "Let it belong where other keys do.")
  private boolean isReset;

  @Override
  int run() throws InterruptedException {
    requireWithin("--memory", memoryNodes, 0);
    requireWithin("--ssd", ssdNodes, 0);
    requireWithin("--shards-per-node", shardsPerNode, 1);
    boolean decides = memoryNodes != null || ssdNodes != null || shardsPerNode != null;
    if (isReset && decides) {
      throw new CommandFailure(
          ExitCode.MISUSE, "--default goes with none of --memory, --ssd and --shards-per-node");
    }
    PlacementHandle placement =
        connection()
            .connect()
            .placement(key)
            .withOptions(write.applyTo(connection().callOptions()));
    if (isReset) {
      Receipt receipt = await(placement.resetAsync());
      return tell(await(placement.showAsync()), Optional.of(receipt));
    }
    View.Placed before = await(placement.showAsync());
    if (!decides) {
      return tell(before, Optional.empty());
    }
    Placement wanted =
        new Placement(
            orElse(memoryNodes, before.placement().memoryNodes()),
            orElse(ssdNodes, before.placement().ssdNodes()),
            orElse(shardsPerNode, before.placement().shardsPerNode()));
    Receipt receipt = await(placement.setAsync(wanted));
    return tell(new View.Placed(wanted, true), Optional.of(receipt));
  }

  private int tell(View.Placed placed, Optional<Receipt> receipt) {
    if (!json()) {
      Values.print(console(), placed);
      return ExitCode.OK;
    }
    Map<String, @Nullable Object> object = new LinkedHashMap<>();
    object.put("key", key);
    object.put("placement", Values.json(placed));
    receipt.ifPresent(
        told ->
            object.put(
                "receipt",
                Values.ordered("copies", told.copies(), "durableCopies", told.durableCopies())));
    console().printLine(Json.write(object));
    return ExitCode.OK;
  }

  private static int orElse(@Nullable Integer given, int before) {
    return given == null ? before : given;
  }

  private static void requireWithin(String option, @Nullable Integer value, int min) {
    if (value != null && (value < min || value > COUNT_MAX)) {
      throw new CommandFailure(
          ExitCode.MISUSE, option + " " + value + " is outside " + min + " to " + COUNT_MAX);
    }
  }
}
