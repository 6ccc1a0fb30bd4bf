package dev.trellis.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.access.ApiKey;
import dev.trellis.lattice.Payload;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What a command shows of its user's, and what it says if it cannot.
class TargetTest {
  private static final List<String> ADDRESSES = List.of("127.0.0.1:1");

  @TempDir Path folder;
  private final ApiKey key = ApiKey.mint(new SecureRandom());
  private final Recorder trellis = new Recorder();
  private Path authorities;
  private Path keyFile;

  @BeforeEach
  void write() throws IOException {
    authorities = Files.writeString(folder.resolve("ca.crt"), "of an authority");
    keyFile = folder.resolve("my.key");
    Files.createFile(
        keyFile,
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Files.writeString(keyFile, key.text() + "\n");
  }

  private Target target() {
    return new Target(ADDRESSES, Optional.of(authorities), Optional.of(keyFile));
  }

  private String refusal(Target target) {
    try {
      throw new AssertionError("it was taken: " + target.config(trellis.console()));
    } catch (CommandFailure e) {
      return String.valueOf(e.getMessage());
    }
  }

  @Test
  void aKeyIsShownOverTlsOnly() {
    assertEquals(Payload.ofText(key.text()), target().config(trellis.console()).credentials());
    assertTrue(target().config(trellis.console()).tls().isPresent());
    assertEquals("", trellis.error());
    String message = refusal(new Target(ADDRESSES, Optional.empty(), Optional.of(keyFile)));
    assertTrue(message.contains("--ca or TRELLIS_CA"), message);
    assertTrue(
        new Target(ADDRESSES, Optional.empty(), Optional.empty())
            .config(trellis.console())
            .tls()
            .isEmpty());
  }

  @Test
  void aKeyThatOthersReadIsWarnedOf() throws IOException {
    Files.setPosixFilePermissions(keyFile, PosixFilePermissions.fromString("rw-r--r--"));
    assertFalse(target().config(trellis.console()).credentials().isEmpty());
    assertTrue(trellis.error().startsWith("warning: " + keyFile), trellis::error);
    assertFalse(trellis.error().contains(key.text()), trellis::error);
  }

  @Test
  void filesThatCannotBeUsedAreNamedAndNothingOfThemIsRepeated() throws IOException {
    Path missing = folder.resolve("missing");
    assertTrue(
        refusal(new Target(ADDRESSES, Optional.of(missing), Optional.empty()))
            .contains("cannot read " + missing));
    assertTrue(
        refusal(new Target(ADDRESSES, Optional.of(authorities), Optional.of(missing)))
            .contains(missing + ": no such file"));
    Files.writeString(keyFile, key.text() + "x");
    String message = refusal(target());
    assertTrue(message.startsWith(keyFile + " (--key-file or TRELLIS_API_KEY_FILE)"), message);
    assertFalse(message.contains(key.text().substring(25)), message);
  }

  @Test
  void optionsGoBeforeTheEnvironment() {
    trellis.withVariable("TRELLIS_API_KEY_FILE", keyFile.toString());
    assertEquals(ExitCode.MISUSE, trellis.run("get", "k", "--address", "127.0.0.1:1"));
    assertTrue(trellis.error().contains("--ca or TRELLIS_CA"), trellis::error);
    trellis.withVariable("TRELLIS_CA", folder.resolve("nowhere").toString());
    assertEquals(ExitCode.ENVIRONMENT, trellis.run("get", "k", "--address", "127.0.0.1:1"));
    assertTrue(trellis.error().contains("nowhere"), trellis::error);
    assertEquals(
        ExitCode.ENVIRONMENT,
        trellis.run(
            "get", "k", "--address", "127.0.0.1:1", "--ca", folder.resolve("other").toString()));
    assertTrue(trellis.error().contains("other"), trellis::error);
  }
}
