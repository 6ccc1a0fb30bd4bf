package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.access.AccessList;
import dev.trellis.access.AccessList.Authentication;
import dev.trellis.access.Allowance;
import dev.trellis.access.ApiKey;
import dev.trellis.access.Caller;
import dev.trellis.access.Role;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.TrellisCli;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.Trellis;
import dev.trellis.lattice.Payload;
import dev.trellis.node.TrellisNode;
import dev.trellis.node.config.NodeConfig;
import dev.trellis.wire.View;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `acl` against a real node: what it writes is what processes read.
class AclCommandTest {
  private final TrellisNode node = TrellisNode.start(NodeConfig.loopback("node-1", 1));
  private final String address = "127.0.0.1:" + node.descriptor().shardPorts().getFirst();
  private final ByteArrayOutputStream output = new ByteArrayOutputStream();
  private final ByteArrayOutputStream error = new ByteArrayOutputStream();

  @TempDir Path folder;

  @AfterEach
  void stop() {
    node.close();
  }

  /// What the command prints.
  private String trellis(int exitCode, String... arguments) {
    output.reset();
    error.reset();
    List<String> all = new ArrayList<>(List.of(arguments));
    all.addAll(List.of("--timeout", "30s", "--address", address));
    Console console =
        new Console(
            new ByteArrayInputStream(new byte[0]), output, error, false, false, false, Map.of());
    int code = TrellisCli.execute(console, all.toArray(String[]::new));
    assertEquals(exitCode, code, () -> output + "" + error);
    return output.toString(StandardCharsets.UTF_8);
  }

  private String errors() {
    return error.toString(StandardCharsets.UTF_8);
  }

  /// As processes read it.
  private AccessList list() {
    try (Trellis client = Trellis.connect(ClientConfig.of(address))) {
      Map<String, String> registers = new HashMap<>();
      Set<String> flags = new HashSet<>();
      client
          .map(AccessList.KEY)
          .fields()
          .forEach(
              (name, field) -> {
                switch (field.view()) {
                  case View.Bytes bytes -> registers.put(name.text(), bytes.value().text());
                  case View.Truth truth when truth.value() -> flags.add(name.text());
                  default -> throw new AssertionError(name + " " + field);
                }
              });
      AccessList list = AccessList.of(registers, flags);
      assertEquals(Set.of(), list.unreadable());
      return list;
    }
  }

  private static Authentication authenticate(AccessList list, String key) {
    return list.authenticate(ApiKey.parse(key), System.currentTimeMillis());
  }

  private static Caller caller(AccessList list, String key) {
    return ((Authentication.Known) authenticate(list, key)).caller();
  }

  private static boolean allows(Caller caller, Role role, String key) {
    return caller.rights().allow(role, Payload.ofText(key));
  }

  @Test
  void aPrincipalGetsAKeyRightsAndLimitsAndLosesThem() {
    String key = trellis(0, "acl", "create", "shop").strip();
    String id = ApiKey.parse(key).id();
    assertTrue(caller(list(), key).rights().isEmpty(), "nothing is allowed that was not granted");

    trellis(0, "acl", "grant", "shop", "shop/", "read,write");
    trellis(0, "acl", "grant", "shop", "catalogue/", "read");
    trellis(0, "acl", "limit", "shop", "--operations", "500", "--stored", "1000000");
    trellis(0, "acl", "limit", "shop", "--operations", "400");
    Caller caller = caller(list(), key);
    assertEquals("shop", caller.principal());
    assertTrue(allows(caller, Role.WRITE, "shop/1"));
    assertTrue(allows(caller, Role.READ, "catalogue/1"));
    assertFalse(allows(caller, Role.WRITE, "catalogue/1"));
    assertEquals(new Allowance(400, 0, 0, 1_000_000), caller.allowance());
    assertEquals(
        "shop\n"
            + "  may read keys that start with 'catalogue/'\n"
            + "  may read, write keys that start with 'shop/'\n"
            + "  limited to 400 operations a second, 1000000 bytes stored, at each node\n"
            + "  key "
            + id
            + "\n",
        trellis(0, "acl", "list"));

    trellis(0, "acl", "ungrant", "shop", "catalogue/");
    assertFalse(allows(caller(list(), key), Role.READ, "catalogue/1"));
    trellis(ExitCode.NEGATIVE, "acl", "ungrant", "shop", "catalogue/");
    trellis(ExitCode.NEGATIVE, "acl", "revoke-grant", "shop", "other/");
    assertTrue(allows(caller(list(), key), Role.WRITE, "shop/1"));

    trellis(0, "acl", "revoke", id);
    assertTrue(authenticate(list(), key) instanceof Authentication.Unknown);
    assertTrue(trellis(0, "acl", "keys", "shop").contains("key " + id + ", revoked"));
  }

  @Test
  void aKeyIsWrittenIntoAFileThatOnlyItsOwnerReadsAndShownNowhere() throws IOException {
    Path file = folder.resolve("shop.key");
    String told = trellis(0, "acl", "create", "shop", "--out", file.toString(), "--expires", "30d");
    String key = Files.readString(file).strip();
    assertFalse(told.contains(key), told);
    assertTrue(told.contains(ApiKey.parse(key).id()), told);
    assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
    assertEquals("shop", caller(list(), key).principal());
    String listed = trellis(0, "acl", "list", "--json") + trellis(0, "acl", "keys", "shop");
    assertTrue(listed.contains("expires"), listed);
    assertFalse(listed.contains(key.substring(25)), listed);

    trellis(ExitCode.ENVIRONMENT, "acl", "create", "shop", "--out", file.toString());
    assertEquals(key, Files.readString(file).strip(), "it is left as it was");
    assertEquals(1, list().keys().size(), "and no key was made");
  }

  @Test
  void programsReadJson() {
    String created = trellis(0, "acl", "create", "shop", "--json");
    assertTrue(
        created.matches(
            "\\{\"id\":\"[0-9a-f]{16}\",\"principal\":\"shop\",\"created\":\"[^\"]+\","
                + "\"expires\":null,\"revoked\":false,\"key\":\"trellis_[^\"]{60}\"\\}\n"),
        created);
    assertEquals(
        "{\"principal\":\"shop\",\"prefix\":\"\",\"roles\":\"admin\"}\n",
        trellis(0, "acl", "grant", "shop", "", "admin", "--json"));
    String listed = trellis(0, "acl", "list", "--json");
    assertTrue(
        listed.startsWith(
            "{\"principal\":\"shop\",\"grants\":[{\"prefix\":\"\",\"roles\":[\"admin\"]}],"
                + "\"limits\":{\"operationsPerSecond\":0,"),
        listed);
    assertEquals(
        "{\"serial\":\"4f2a\",\"revoked\":true}\n",
        trellis(0, "acl", "revoke-certificate", "00:4F:2A", "--json"));
    assertTrue(list().isRevoked(AccessList.certificateId("4f2a")));
  }

  @Test
  void whatMakesNoSenseIsRefusedBeforeAnythingIsWritten() {
    trellis(ExitCode.MISUSE, "acl", "create", "peer");
    assertTrue(errors().contains("'peer' is a name that processes"), this::errors);
    trellis(ExitCode.MISUSE, "acl", "create", "a b");
    trellis(ExitCode.MISUSE, "acl", "grant", "shop", "shop/", "read,peer");
    assertTrue(errors().contains("'peer' is no role"), this::errors);
    trellis(ExitCode.MISUSE, "acl", "limit", "shop");
    trellis(ExitCode.MISUSE, "acl", "limit", "shop", "--bytes", "-1");
    trellis(ExitCode.MISUSE, "acl", "revoke-certificate", "xyz");
    ApiKey key = ApiKey.mint(new SecureRandom());
    trellis(ExitCode.MISUSE, "acl", "revoke", key.text());
    assertFalse(errors().contains(key.text().substring(25)), this::errors);
    assertEquals(List.of(), list().keys());
    assertEquals(Map.of(), list().grants());
    assertEquals(Map.of(), list().allowances());
    assertEquals("", trellis(0, "acl", "list"));
  }
}
