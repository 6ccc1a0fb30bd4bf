package dev.trellis.history;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.history.edn.Keyword;
import java.io.IOException;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HistoryFileTest {
  @TempDir Path folder;

  @Test
  void whatIsWrittenIsReadBackWithTimesAndIndices() throws IOException {
    Path file = folder.resolve("history.edn");
    AtomicLong clock = new AtomicLong();
    List<Operation> written = new ArrayList<>();
    try (HistoryWriter writer = HistoryWriter.create(file, () -> clock.addAndGet(10))) {
      Operation read = Operation.invoke(3, "read", null).with("key", "k");
      written.add(writer.append(read));
      written.add(writer.append(Operation.nemesis("kill", List.of("node-0"))));
      written.add(writer.append(read.completed(Operation.Type.OK, 5)));
      written.add(writer.append(Operation.invoke(4, "add", 1).at(5, Operation.NOT_STATED)));
      written.add(writer.append(Operation.info(4, "add", 1).with("error", Keyword.of("timeout"))));
      assertEquals(5, writer.count());
    }
    assertEquals(
        """
        {:index 0, :time 10, :process 3, :type :invoke, :f :read, :value nil, :key "k"}
        {:index 1, :time 20, :process :nemesis, :type :info, :f :kill, :value ["node-0"]}
        {:index 2, :time 30, :process 3, :type :ok, :f :read, :value 5}
        {:index 3, :time 5, :process 4, :type :invoke, :f :add, :value 1}
        {:index 4, :time 40, :process 4, :type :info, :f :add, :value 1, :error :timeout}
        """,
        Files.readString(file));
    History history = HistoryReader.read(file);
    assertEquals(written, history.operations());
    assertEquals(2, history.calls().size());
    assertEquals(5L, history.calls().get(0).result());
    assertEquals("k", history.calls().get(0).invoke().extra("key"));
    assertTrue(history.calls().get(1).isUnknown());
    assertThrows(FileAlreadyExistsException.class, () -> HistoryWriter.create(file));
  }

  @Test
  void manyThreadsWriteWholeLinesInTheOrderOfTheirIndices() throws Exception {
    Path file = folder.resolve("history.edn");
    int threads = 8;
    int each = 200;
    try (HistoryWriter writer = HistoryWriter.create(file)) {
      List<Thread> clients = new ArrayList<>();
      for (int process = 0; process < threads; process++) {
        long number = process;
        clients.add(
            Thread.ofPlatform()
                .start(
                    () -> {
                      for (int i = 0; i < each; i++) {
                        Operation add = writer.append(Operation.invoke(number, "add", "größe"));
                        // An interrupted thread writes like any other, and breaks nothing.
                        Thread.currentThread().interrupt();
                        writer.append(add.completed(Operation.Type.OK, i));
                      }
                    }));
      }
      for (Thread client : clients) {
        client.join();
      }
    }
    List<Operation> operations = HistoryReader.read(file).operations();
    assertEquals(threads * each * 2, operations.size());
    for (int i = 0; i < operations.size(); i++) {
      assertEquals(i, operations.get(i).index());
      assertTrue(i == 0 || operations.get(i - 1).time() <= operations.get(i).time());
    }
  }

  @Test
  void aFileThatEndsInTheMiddleOfALineHasAReadablePrefix() throws IOException {
    Path file = folder.resolve("history.edn");
    try (HistoryWriter writer = HistoryWriter.create(file)) {
      for (int i = 0; i < 3; i++) {
        writer.append(Operation.invoke(i, "write", "größe " + i));
      }
    }
    byte[] whole = Files.readAllBytes(file);
    int secondLine = Files.readAllLines(file).get(0).getBytes(StandardCharsets.UTF_8).length + 1;
    for (int length = 0; length <= whole.length; length++) {
      Path torn = Files.write(folder.resolve("torn.edn"), Arrays.copyOf(whole, length));
      long lines =
          Files.readString(torn, StandardCharsets.ISO_8859_1)
              .chars()
              .filter(c -> c == '\n')
              .count();
      assertEquals(lines, HistoryReader.readPrefix(torn).operations().size());
    }
    Path torn = Files.write(folder.resolve("torn.edn"), Arrays.copyOf(whole, secondLine + 30));
    HistoryException refused = assertThrows(HistoryException.class, () -> HistoryReader.read(torn));
    assertTrue(refused.getMessage().contains("torn.edn, line 2, column 31: the text ends here"));
  }

  @Test
  void aWriterThatCouldNotWriteSaysSo() throws IOException {
    HistoryWriter writer = HistoryWriter.create(folder.resolve("history.edn"));
    assertThrows(
        IllegalArgumentException.class,
        () -> writer.append(Operation.invoke(1, "write", new Object())));
    assertEquals(0, writer.append(Operation.invoke(1, "write", 1)).index());
    writer.close();
    assertThrows(UncheckedIOException.class, () -> writer.append(Operation.ok(1, "write", 1)));
  }

  @Test
  void vectorsListsAndLinesReadTheSame() throws IOException {
    String first = "{:process 1, :type :invoke, :f :read}";
    String second = "#jepsen.history.Op{:process 1 :type :ok :f :read :value 3 :time 9 :index 1}";
    List<Operation> expected =
        List.of(Operation.invoke(1, "read", null), Operation.ok(1, "read", 3).at(9, 1));
    for (String text :
        List.of(
            first + "\n" + second,
            "; lines\n" + first + "\n\n" + second + "\n",
            "[" + first + " " + second + "]",
            "; a list\n(" + first + ",\n" + second + ")\n; done\n")) {
      assertEquals(expected, history(text).operations());
    }
    assertEquals(List.of(), history("").operations());
    assertEquals(List.of(), history("[]").operations());
  }

  private static History history(String text) throws IOException {
    try (HistoryReader reader = new HistoryReader(new StringReader(text), "test.edn")) {
      return reader.readAll();
    }
  }

  @Test
  void whatIsNoHistoryIsRefusedWithPlaceAndReason() {
    refused("test.edn, line 2, column 1: '}' closes nothing", "[{:process 1, :type :ok, :f :a}\n}");
    refused("line 1: a map should be here, which an operation is, not 5", "5");
    refused("line 1: a map should be here, which an operation is, not [1]", "[[1]]");
    refused("line 2: :type is :okay; it should be", "\n{:process 1 :type :okay :f :read}");
    refused(":process is nil; it should be", "{:type :ok :f :read}");
    refused(":process is \"1\"; it should be", "{:process \"1\" :type :ok :f :read}");
    refused(":f is nil; it should be a keyword", "{:process 1 :type :ok}");
    refused(":time is -1; it should be", "{:process 1 :type :ok :f :a :time -1}");
    refused("the field \"x\" should be a keyword", "{:process 1 :type :ok :f :a \"x\" 1}");
    refused("more follows the history", "[] {}");
    refused(
        "operation 0, {:process 1, :type :ok, :f :read, :value 2}: process 1 is told of a call that"
            + " it did not make",
        "{:process 1 :type :ok :f :read :value 2}");
    refused(
        "process 1 asks again before it was told what became of operation 0",
        "{:process 1 :type :invoke :f :read} {:process 1 :type :invoke :f :read}");
    refused(
        "process 1 asked for :read and is told of :write",
        "{:process 1 :type :invoke :f :read} {:process 1 :type :ok :f :write}");
  }

  private static void refused(String expected, String text) {
    String message = assertThrows(HistoryException.class, () -> history(text)).getMessage();
    assertTrue(message.contains(expected), message);
  }

  @Test
  void bytesThatAreNoUtf8AreRefused() throws IOException {
    Path file = Files.write(folder.resolve("latin.edn"), new byte[] {'"', (byte) 0xe9, '"'});
    String message =
        assertThrows(HistoryException.class, () -> HistoryReader.read(file)).getMessage();
    assertTrue(message.endsWith("latin.edn, after line 1: no UTF-8"), message);
  }

  @Test
  void callsPairWhatWasAskedWithWhatWasTold() throws IOException {
    History history =
        history(
            """
            {:process 1 :type :invoke :f :write :value 1}
            {:process 2 :type :invoke :f :read :value nil}
            {:process :nemesis :type :info :f :start}
            {:process 1 :type :fail :f :write :value 1}
            {:process 2 :type :info :f :read :value nil}
            {:process 2 :type :invoke :f :write :value 2}
            {:process 3 :type :invoke :f :write :value 3}
            {:process 2 :type :ok :f :write :value 2}
            """);
    List<Call> calls = history.calls();
    assertEquals(4, calls.size());
    assertTrue(calls.get(0).isFailed());
    assertTrue(calls.get(1).isUnknown());
    assertEquals(Call.NEVER, calls.get(1).completedAt());
    assertTrue(calls.get(2).isOk());
    assertTrue(calls.get(3).isUnknown());
    assertTrue(calls.get(0).precedes(calls.get(2)));
    assertEquals(3, history.calls("write").size());
    assertEquals(2, history.prefix(3).calls().size());
  }

  @Test
  void operationsAreValues() {
    Operation operation = Operation.ok(1, "read", Set.of(1, 2)).with("node", "n1");
    assertEquals(operation, Operation.ofMap(operation.toMap()));
    assertEquals(Map.of(Keyword.of("node"), "n1"), operation.extra());
    assertThrows(IllegalArgumentException.class, () -> operation.with("f", 1));
  }
}
