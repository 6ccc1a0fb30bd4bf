package dev.trellis.routing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.trellis.node.TrellisNode;
import dev.trellis.node.config.NodeConfig;
import dev.trellis.process.StrictConfig;
import dev.trellis.wire.NodeDescriptor;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Runs the examples of `docs/rest.md` with curl, and compares what they print with what the page
/// shows, but for times and names that differ from run to run.
@Timeout(120)
class RestGuideTest {
  private static final String SHOWN_ADDRESS = "127.0.0.1:7480";
  private static final String END = "=== end of output ===";

  /// A command of the page and the output that is shown below it.
  private record Example(String command, List<String> output) {}

  @Test
  void everyExamplePrintsWhatThePageShows() throws Exception {
    assumeTrue(isInstalled("curl") && isInstalled("bash"), "needs curl and bash");
    List<Example> examples =
        examples(Path.of(System.getProperty("trellis.root"), "docs", "rest.md"));
    assertTrue(examples.size() > 30, "the page has examples");
    try (TrellisNode node = TrellisNode.start(NodeConfig.loopback("node-0", 2));
        TrellisRouter router = TrellisRouter.start(config(node))) {
      String address = "127.0.0.1:" + router.gatewayAddress().getPort();
      Process bash = new ProcessBuilder("bash").redirectErrorStream(true).start();
      try (BufferedWriter in = bash.outputWriter(StandardCharsets.UTF_8);
          BufferedReader out = bash.inputReader(StandardCharsets.UTF_8)) {
        run("until curl -sf " + address + "/v1/keys >/dev/null; do :; done", in, out);
        for (Example example : examples) {
          String command =
              example.command.replace(SHOWN_ADDRESS, address).replace("curl ", "curl -s ");
          assertEquals(
              comparable(example.output), comparable(run(command, in, out)), example.command);
        }
      } finally {
        bash.destroyForcibly();
      }
    }
  }

  private static RouterConfig config(TrellisNode node) {
    NodeDescriptor descriptor = node.descriptor();
    // `curl … | head` ends when curl next has something to write.
    String text =
        "cluster.nodes = [\"127.0.0.1:"
            + descriptor.shardPorts().get(0)
            + "\"], data.port = 0, admin.port = 0, gateway.port = 0, gateway.heartbeat = 50ms,"
            + " cluster.timeout = 50s, gateway.call.timeout = 50s";
    return RouterConfig.of(StrictConfig.ofText(RouterConfig.reference(), text, Map.of()));
  }

  private static List<Example> examples(Path page) throws IOException {
    List<Example> examples = new ArrayList<>();
    boolean isInside = false;
    for (String line : Files.readAllLines(page)) {
      if (line.startsWith("```")) {
        isInside = line.equals("```console");
      } else if (isInside && line.startsWith("$ ")) {
        examples.add(new Example(line.substring(2), new ArrayList<>()));
      } else if (isInside) {
        examples.getLast().output.add(line);
      }
    }
    return examples;
  }

  private static List<String> run(String command, BufferedWriter in, BufferedReader out)
      throws IOException {
    in.write(command + "\necho; echo '" + END + "'\n");
    in.flush();
    List<String> lines = new ArrayList<>();
    for (String line = out.readLine(); !END.equals(line); line = out.readLine()) {
      assertTrue(line != null, () -> "bash ended in " + command);
      lines.add(line.replace("\r", ""));
    }
    while (!lines.isEmpty() && lines.getLast().isEmpty()) {
      lines.removeLast();
    }
    return lines;
  }

  private static List<String> comparable(List<String> lines) {
    return lines.stream()
        .map(
            line ->
                line.replaceAll("\\d{13}\\.\\d+", "TIME")
                    .replaceAll("Millis: \\d{13}", "Millis: TIME")
                    .replaceAll("staleness-millis=\\d+", "staleness-millis=SOME")
                    .replaceAll("\"(dots|context)\":\"[^\"]*\"", "\"$1\":\"CONTEXT\"")
                    .replaceAll("\"dot\":\"[^\"]*\"", "\"dot\":\"DOT\""))
        .toList();
  }

  private static boolean isInstalled(String command) {
    return Arrays.stream(System.getenv("PATH").split(File.pathSeparator, -1))
        .anyMatch(folder -> Files.isExecutable(Path.of(folder, command)));
  }
}
