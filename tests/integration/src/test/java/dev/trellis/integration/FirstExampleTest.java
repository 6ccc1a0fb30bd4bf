package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.node.TrellisNode;
import dev.trellis.node.config.NodeConfig;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/// The first code that people read compiles, runs, and is the code in the README.
class FirstExampleTest {
  private static final Path ROOT = Path.of(System.getProperty("trellis.root"));
  private static final String SOURCE_MARK = "// first-example: README.md shows what follows\n";
  private static final String README_MARK = "<!-- first-example -->\n```java\n";

  @Test
  void theExamplePrintsWhatItSays() {
    PrintStream console = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    try (TrellisNode node = TrellisNode.start(NodeConfig.loopback("node-1", 2))) {
      System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
      FirstExample.main(new String[] {"127.0.0.1:" + node.descriptor().shardPorts().getFirst()});
    } finally {
      System.setOut(console);
    }
    assertEquals(
        """
        hello
        visits: 1
        languages: [clojure, java]
        fields: ["logins", "name"]
        """,
        printed.toString(StandardCharsets.UTF_8));
  }

  @Test
  void theReadmeShowsTheExample() throws IOException {
    Path file =
        ROOT.resolve("tests/integration/src/test/java/dev/trellis/integration/FirstExample.java");
    String source = Files.readString(file);
    String example = source.substring(source.indexOf(SOURCE_MARK) + SOURCE_MARK.length());
    String readme = Files.readString(ROOT.resolve("README.md"));
    int start = readme.indexOf(README_MARK);
    assertTrue(start >= 0, "README.md has no block after <!-- first-example -->");
    int end = readme.indexOf("```", start + README_MARK.length());
    assertEquals(example, readme.substring(start + README_MARK.length(), end));
  }
}
