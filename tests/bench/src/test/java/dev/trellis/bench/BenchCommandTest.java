package dev.trellis.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.cli.Console;
import dev.trellis.cli.TrellisCli;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BenchCommandTest {
  private final ByteArrayOutputStream error = new ByteArrayOutputStream();

  private int run(List<String> command) {
    return TrellisCli.execute(
        new Console(
            InputStream.nullInputStream(),
            OutputStream.nullOutputStream(),
            error,
            false,
            false,
            false,
            Map.of()),
        command.toArray(String[]::new));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--connections 0            | --connections 0 is outside 1 to 1000",
        "--pipeline 5000            | --pipeline 5000 is outside 1 to 1024",
        "--rate 0                   | --rate 0 is outside 1 to 10000000",
        "--rate fast                | 'fast' is not an int",
        "--time 10                  | '10' is no duration",
        "--time 1ms                 | --time in ms 1 is outside 100 to 86400000",
        "--keys 0                   | --keys 0 is outside 1 to 1000000000",
        "--key-digits 20            | --key-digits 20 is outside 0 to 19",
        "--value-size big           | 'big' is no size: write bytes, or a range of them, such as 64",
        "--value-size 9-3           | sizes from 9 to 3 are not an ascending range",
        "--value-size 99999999      | within 0 to 16777216",
        "--read-percent 101         | --read-percent 101 is outside 0 to 100",
        "--insert-percent 51        | --insert-percent 51 is outside 0 to 50",
        "--batch 20000              | --batch 20000 is outside 1 to 10000",
        "--workload f --batch 2     | --batch 2: a read-modify-write is of one key",
        "--keys-drawn often         | 'often' is none of uniform, zipf, scrambled, latest, single",
        "--keys-drawn zipf --theta 0| --theta 0.0 is outside 0 (excluded) to 10",
        "--kind set                 | 'set' is none of lww, counter",
        "--workload e               | 'e' is none of a, b, c, d, f",
        "--workload a --theta 2     | --theta 2.0: --workload a says that already",
        "--workload a --read-percent 9 | --read-percent 9: --workload a says that already",
        "--ack most                 | unknown acknowledgement 'most'; known are default, one",
        "--speed 9                  | unknown option '--speed'",
      })
  void aBadOptionIsToldWithItsNameItsValueAndWhatWouldBeRight(String options, String message) {
    List<String> command = new ArrayList<>(List.of("bench"));
    command.addAll(List.of(options.strip().split(" ")));
    assertEquals(2, run(command));
    String told = error.toString(StandardCharsets.UTF_8);
    assertTrue(told.startsWith("error: ") && told.contains(message.strip()), told);
    assertEquals(1, told.lines().count(), told);
  }

  @Test
  void aPageThatCannotBeWrittenIsToldBeforeTheLoad() {
    assertEquals(6, run(List.of("bench", "--html", "/nowhere/page.html")));
    assertEquals(
        "error: cannot write the page /nowhere/page.html: no such file\n",
        error.toString(StandardCharsets.UTF_8));
  }

  @Test
  void withNoClusterItSaysSo() {
    assertEquals(
        5, run(List.of("bench", "--address", "127.0.0.1:1", "--time", "1s")), error::toString);
  }
}
