package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.trellis.client.Trellis;
import dev.trellis.lattice.Payload;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Every command on values with its exit codes and errors, against one running cluster.
class EveryCommandIT {
  @TempDir static Path home;
  private static LocalTrellis local;

  @TempDir Path folder;

  @BeforeAll
  static void up() {
    local = new LocalTrellis(home);
    Execution up = local.up();
    System.out.println(up.output().lines().filter(line -> line.startsWith("Ready")).toList());
  }

  @AfterAll
  static void down() {
    local.close();
  }

  @BeforeEach
  void startEmpty() {
    deleteAll();
  }

  private static void deleteAll() {
    try (Trellis trellis = Trellis.connect(local.address())) {
      trellis.keys(Payload.EMPTY, false).forEach(found -> trellis.delete(found.key()));
    }
  }

  private static String line(String... arguments) {
    Execution execution = local.trellis(arguments).expect(0);
    assertEquals("", execution.error());
    return execution.line();
  }

  @Test
  void missingKeysAndUnchangedSetsAreNegativeAnswers() {
    Execution missing = local.trellis("get", "nobody").expect(1);
    assertEquals("", missing.output());
    assertEquals("nothing at 'nobody'\n", missing.error());
    assertEquals(
        "{\"key\":\"nobody\",\"generation\":\"0.0\",\"value\":null}",
        local.trellis("get", "nobody", "--json").expect(1).line());
    local.trellis("delete", "nobody").expect(1);
    local.trellis("set", "members", "nobody").expect(1);
    line("set", "add", "s", "a");
    local.trellis("set", "remove", "s", "b").expect(1);
    assertEquals("false", local.trellis("set", "contains", "s", "b").expect(1).line());
    assertEquals("true", line("set", "contains", "s", "a"));
    assertEquals("1", line("set", "size", "s"));
  }

  @Test
  void whatTestFaultsDoesNotKnowIsNamed() {
    assertEquals(
        "error: --workload sets is unknown; known are set, set-one, set-durable, counter, register, delete,"
            + " session, sessions-single, sessions-atomic, sessions-causal, or all\n",
        local.trellis("test-faults", "--workload", "sets").expect(2).error());
    assertEquals(
        "error: --nemesis: unknown fault 'flood'; known are kill, blackout, restart, pause, isolate, halves,"
            + " ring, one-way, clients, clock, clock-far, members, churn, or all\n",
        local.trellis("test-faults", "--nemesis", "kill,flood").expect(2).error());
    assertEquals(
        "error: --time 4 is outside 5 to 3600\n",
        local.trellis("test-faults", "--time", "4").expect(2).error());
  }

  @Test
  void everyKindCanBeWrittenAndRead() {
    writeEveryKind();
  }

  /// In one shell, so that one JVM does: the commands are the same.
  private static void writeEveryKind() {
    Execution shell =
        local.withInput(
            """
            put max 5 --kind max
            put max 3 --kind max
            put --kind min min -- -5
            put flag true --kind flag
            incr counter -2
            put p b --kind priority --priority 1
            put p a --kind priority --priority 2
            set add gset x --kind gset
            set add oset c a b --kind oset
            set members oset --kind oset --to c --descending
            sorted add z alice=10 bob=7.5 a=b=-1
            sorted top z --limit 2
            sorted range z --max 8
            sorted remove z a=b
            map put m name Ada
            map put m logins 1 --kind counter
            map put m roles admin --kind orset
            get m
            map remove m name
            map get m name
            map get m logins
            put c one --kind causal
            put c two --kind causal
            get c
            put c three --kind causal --replace
            get c
            put mc v --kind multicausal
            log append log first second
            log read log
            log trim log --oldest 1
            log read log
            scan max --values --json
            scan p --values
            """,
            "shell");
    assertEquals(
        """
        5
        5
        -5
        true
        -2
        1\tb
        1\tb
        b
        a
        10\talice
        7.5\tbob
        -1\ta=b
        7.5\tbob
        1
        logins\t1
        name\tAda
        roles\t["admin"]
        1
        one
        two
        three
        first
        second
        second
        {"key":"max","kinds":["max"],"value":5}
        p\tpriority\t{"priority":1,"value":"b"}
        """,
        shell.output());
    assertEquals("nothing at 'm'\n", shell.error());
    assertEquals(1, shell.exitCode());
  }

  @Test
  void whatWasExportedComesBackByAnImport() throws IOException {
    writeEveryKind();
    line("put", "ünï", "größe \"quoted\"");
    Path bytes = Files.write(folder.resolve("bytes"), new byte[] {0, (byte) 0xff, '\n'});
    line("put", "bytes", "--file", bytes.toString());
    line("put", "later", "v", "--ttl", "7d");
    line("expire", "counter", "7d");
    line("map", "put", "m", "soon", "v", "--ttl", "7d");
    Path first = folder.resolve("first.jsonl");
    Path second = folder.resolve("second.jsonl");
    assertTrue(line("export", first.toString()).startsWith("exported 15 keys to "));
    deleteAll();
    assertEquals("", line("scan"));
    assertTrue(line("import", first.toString()).startsWith("imported 15 keys in "));
    line("export", second.toString());
    assertEquals(timeless(first), timeless(second));
    assertEquals(
        List.of("counter", "later", "m"),
        Files.readAllLines(second).stream()
            .filter(one -> one.contains("\"expiresAtMillis\":"))
            .map(one -> LocalTrellis.json(one).get("key").asText())
            .toList());
    String shown = "trellis get bytes --raw | od -An -tx1";
    assertEquals(" 00 ff 0a\n", local.shell(shown).expect(0).output());
  }

  /// The lines but for points in time, which a second import counts anew to the millisecond.
  private static List<String> timeless(Path file) throws IOException {
    return Files.readAllLines(file).stream()
        .map(line -> line.replaceAll("\"expiresAtMillis\":\\d+", "\"expiresAtMillis\":0"))
        .map(line -> line.replaceAll("\"timestamp\":\"[\\d.]+\"", "\"timestamp\":\"\""))
        .toList();
  }

  @Test
  void aPipeCarriesBytesAsTheyAre() {
    String copied =
        "printf 'a\\0b\\377' | trellis put raw - && trellis get raw --raw | od -An -tx1";
    assertEquals(" 61 00 62 ff\n", local.shell(copied).expect(0).output());
  }

  @Test
  void whatTheClusterRefusesIsToldWithItsCode() {
    line("incr", "n");
    Execution refused = local.trellis("put", "n", "text").expect(3);
    assertEquals(1, refused.error().lines().count(), refused.error());
    assertTrue(refused.error().startsWith("error: "), refused.error());
    assertTrue(refused.error().contains("counter"), refused.error());
    JsonNode error =
        LocalTrellis.json(local.trellis("put", "n", "text", "--json").expect(3).error());
    assertEquals("KIND_MISMATCH", error.at("/error/code").asText());
    assertEquals(3, error.at("/error/exitCode").asInt());
    assertEquals("1", line("get", "n"));

    Execution tooLong = local.trellis("put", "k".repeat(1_025), "v").expect(3);
    assertTrue(tooLong.error().contains("1025"), tooLong.error());
    local.trellis("put", "", "v").expect(3);
  }

  @Test
  void aMalformedLineOfAnImportIsNamedAndNothingAfterItIsRead() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("bad.jsonl"),
            """
            {"key":"a","kind":"lww","value":"1"}

            {"key":"b","kind":"lww"}
            {"key":"c","kind":"lww","value":"1"}
            {"key":"n","kind":"lww","value":"1"}
            """);
    Execution stopped = local.trellis("import", file.toString()).expect(2);
    assertEquals(
        "error: "
            + file
            + ", line 3: \"value\" is missing, or null; stopped there, with 1 lines imported"
            + " ('--continue-on-error' would go on)\n",
        stopped.error());
    assertEquals("a", line("scan"));

    line("incr", "n");
    Execution whole = local.trellis("import", file.toString(), "--continue-on-error").expect(1);
    assertEquals(2, whole.error().lines().count(), whole.error());
    assertTrue(whole.error().contains(", line 3: "), whole.error());
    assertTrue(whole.error().contains(", line 5: key \"n\": "), whole.error());
    assertTrue(whole.output().startsWith("imported 2 keys in "), whole.output());
    assertTrue(whole.output().endsWith(", 2 failed\n"), whole.output());
    assertEquals("a\nc\nn", line("scan"));
  }

  @Test
  void aReaderThatGoesAwayEndsACommandQuietly() throws IOException {
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 20_000; i++) {
      lines.append("{\"key\":\"key-").append(i).append("\",\"kind\":\"flag\",\"value\":true}\n");
    }
    local.withInput(lines.toString(), "import", "-").expect(0);
    Execution piped = local.shell("set -o pipefail; trellis scan | head -n 1");
    assertEquals("key-0\n", piped.output());
    assertEquals("", piped.error());
    assertEquals(141, piped.exitCode());
    assertEquals("20000", local.shell("trellis export - | wc -l").expect(0).line().strip());
  }

  @Test
  void anAwaitEndsOnceItIsReachedAndElseSaysNo() throws IOException, InterruptedException {
    line("incr", "votes", "3");
    assertEquals("3", line("await", "votes", "--kind", "counter", "--at-least", "3"));
    assertEquals(
        "{\"key\":\"votes\",\"kind\":\"counter\",\"generation\":\"0.0\",\"value\":3}",
        line("await", "votes", "--kind", "counter", "--at-least", "3", "--json"));
    Execution late =
        local
            .trellis("await", "votes", "--kind", "counter", "--at-least", "4", "--timeout", "50ms")
            .expect(1);
    assertTrue(late.error().contains("not reached in time: it is at 3"), late.error());
    Execution refused = local.trellis("await", "votes", "--kind", "counter", "--at-most", "4");
    assertEquals(3, refused.exitCode());
    ProcessBuilder builder =
        new ProcessBuilder(
            LocalTrellis.script().toString(), "await", "go", "--enabled", "--timeout", "10m");
    local.environment().forEach(builder.environment()::put);
    Process await = builder.start();
    try (BufferedReader output = await.inputReader()) {
      line("put", "go", "--kind", "flag", "true");
      assertEquals("true", output.readLine());
      assertTrue(await.waitFor(60, TimeUnit.SECONDS));
      assertEquals(0, await.exitValue());
    } finally {
      await.destroyForcibly();
    }
  }

  @Test
  void aWatchTellsEachStateAndEndsQuietlyByCtrlC() throws IOException, InterruptedException {
    line("put", "w", "one");
    ProcessBuilder builder =
        new ProcessBuilder(LocalTrellis.script().toString(), "watch", "w")
            .redirectError(ProcessBuilder.Redirect.to(folder.resolve("error").toFile()));
    local.environment().forEach(builder.environment()::put);
    Process watch = builder.start();
    try (BufferedReader states = watch.inputReader()) {
      assertEquals("one", states.readLine());
      line("put", "w", "two");
      assertEquals("two", states.readLine());
      line("delete", "w");
      assertEquals("(nothing)", states.readLine());
      line("set", "add", "w", "b", "a");
      assertEquals("[\"a\",\"b\"]", states.readLine());
      Execution.of(folder, local.environment(), List.of("kill", "-INT", Long.toString(watch.pid())))
          .expect(0);
      assertTrue(watch.waitFor(60, TimeUnit.SECONDS));
      assertEquals(130, watch.exitValue());
      assertEquals("", Files.readString(folder.resolve("error")));
    } finally {
      watch.destroyForcibly();
    }
    assertEquals(
        "[\"a\",\"b\"]",
        LocalTrellis.json(line("watch", "w", "--count", "1", "--json")).get("value").toString());
  }

  @Test
  void aShellRunsCommandsFromAPipeOverOneConnection() {
    Execution shell =
        local.withInput(
            "put a 'two words'\n# a comment\nget a\nget b\ntrellis incr n 2\nexit\nget a\n",
            "shell");
    assertEquals("two words\n2\n", shell.output());
    assertEquals("nothing at 'b'\n", shell.error());
    assertEquals(1, shell.exitCode());
  }

  @Test
  void aHistoryIsCheckedWithoutACluster() throws IOException {
    String write =
        """
        {:process 0, :type :invoke, :f :write, :value 1}
        {:process 0, :type :ok, :f :write, :value 1}
        {:process 1, :type :invoke, :f :read}
        """;
    Path right =
        Files.writeString(
            folder.resolve("right.edn"), write + "{:process 1, :type :ok, :f :read, :value 1}\n");
    Path wrong =
        Files.writeString(
            folder.resolve("wrong.edn"), write + "{:process 1, :type :ok, :f :read, :value 2}\n");
    String valid = line("check", right.toString(), "--model", "register");
    assertTrue(valid.startsWith("{:valid? true, "), valid);
    JsonNode invalid =
        LocalTrellis.json(local.trellis("check", wrong.toString(), "--json").expect(1).line());
    assertEquals(false, invalid.get("valid").asBoolean(true));
    assertEquals(4, invalid.get("failingPrefix").asInt());
    Execution missing = local.trellis("check", folder.resolve("none.edn").toString()).expect(2);
    assertTrue(missing.error().startsWith("error: there is no file "), missing.error());
  }

  @Test
  void topTellsOneIntervalIntoAPipe() {
    List<String> lines = line("top", "--interval", "100ms").lines().toList();
    assertTrue(lines.get(0).startsWith("SHARD "), lines.toString());
    assertTrue(lines.get(1).startsWith("node-0/0 "), lines.toString());
    JsonNode json = LocalTrellis.json(line("top", "--interval", "100ms", "--json"));
    assertEquals("node-0/0", json.at("/shards/0/shard").asText());
    assertTrue(json.at("/shards/0/operationsPerSecond").isNumber());
  }
}
