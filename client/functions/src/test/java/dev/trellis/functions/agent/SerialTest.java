package dev.trellis.functions.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class SerialTest {
  @Test
  void whatThrowsHoldsUpNothingAfterIt() {
    Serial serial = new Serial();
    List<String> done = new ArrayList<>();
    serial.run(
        () -> {
          serial.run(() -> done.add("second"));
          throw new IllegalArgumentException("first");
        });
    serial.run(
        () -> {
          throw new AssertionError("third");
        });
    serial.run(() -> done.add("fourth"));
    assertEquals(List.of("second", "fourth"), done);
  }
}
