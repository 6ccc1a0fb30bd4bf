package dev.trellis.deploy;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.cli.CommandFailure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalSecretsTest {
  @TempDir Path folder;

  /// As SECURITY.md advises; the monitor then starts nodes all the same.
  @Test
  void whoKeepsTheAuthorityElsewhereStartsNodesWithoutIt() throws IOException {
    Path secrets = folder.resolve("secrets");
    LocalSecrets.prepare(secrets);
    Path last = secrets.resolve("nodes/" + ServerPlan.nodeId(Ports.NODES_MAX - 1) + "/tls.crt");
    byte[] certificate = Files.readAllBytes(last);
    Files.move(secrets.resolve("ca"), folder.resolve("elsewhere"));
    LocalSecrets.prepare(secrets);
    assertArrayEquals(certificate, Files.readAllBytes(last));
  }

  @Test
  void aFolderOfSomethingElseIsNotTakenForSecrets() throws IOException {
    Path other = Files.createDirectory(folder.resolve("other"));
    CommandFailure failure = assertThrows(CommandFailure.class, () -> LocalSecrets.prepare(other));
    assertTrue(String.valueOf(failure.getMessage()).contains("no ca/ca.key"), failure::toString);
  }
}
