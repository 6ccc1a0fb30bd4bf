package dev.trellis.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Payload;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SessionKeysTest {
  private static final String OLD = "an old key of some length";
  private static final String NEW = "a new key of some length";

  @TempDir Path folder;
  private int writes;

  @Test
  void theyAreReadAnewWhenTheFileChangesAndStayWhenItIsNoGood() throws IOException {
    write("# the first one signs", OLD, "");
    SessionKeys keys = SessionKeys.always(new Secrets(folder));
    assertEquals(List.of(Payload.ofText(OLD)), keys.get());
    write(NEW, OLD);
    assertEquals(List.of(Payload.ofText(NEW), Payload.ofText(OLD)), keys.get());
    write();
    assertEquals(2, keys.get().size());
    write("short");
    assertEquals(2, keys.get().size());
    Files.delete(folder.resolve(Secrets.SESSION_KEY));
    assertEquals(2, keys.get().size());
    write(NEW);
    assertEquals(List.of(Payload.ofText(NEW)), keys.get());
  }

  @Test
  void whatIsNoKeyIsRefusedAtTheStartAndNotShown() throws IOException {
    Secrets secrets = new Secrets(folder);
    assertThrows(ConfigurationException.class, () -> SessionKeys.of(secrets));
    for (List<String> lines :
        List.of(List.<String>of(), List.of(OLD, "tiny secret"), List.of("x".repeat(1_025)))) {
      write(lines.toArray(String[]::new));
      String said =
          assertThrows(ConfigurationException.class, () -> SessionKeys.of(secrets)).getMessage();
      assertTrue(said.contains(Secrets.SESSION_KEY), said);
      assertFalse(said.contains("tiny") || said.contains(OLD) || said.contains("xx"), said);
    }
  }

  private void write(String... lines) throws IOException {
    Path file = Files.write(folder.resolve(Secrets.SESSION_KEY), List.of(lines));
    // Two writes may be of one moment, as the file system tells time.
    Files.setLastModifiedTime(file, FileTime.fromMillis(1_000L * ++writes));
  }
}
