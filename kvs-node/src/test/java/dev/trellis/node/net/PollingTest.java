package dev.trellis.node.net;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.netty.channel.SelectStrategy;
import org.junit.jupiter.api.Test;

class PollingTest {
  private long nanos = -7;
  private int ready;

  private int decided(Polling polling, boolean hasTasks) throws Exception {
    return polling.calculateStrategy(() -> ready, hasTasks);
  }

  @Test
  void itLooksForAsLongAfterTheSocketsHadSomethingAndThenSleeps() throws Exception {
    Polling polling = new Polling(100, () -> nanos);
    assertEquals(SelectStrategy.SELECT, decided(polling, false), "nothing came yet");
    ready = 3;
    assertEquals(3, decided(polling, false));
    ready = 0;
    nanos += 99;
    assertEquals(SelectStrategy.CONTINUE, decided(polling, false));
    nanos++;
    assertEquals(SelectStrategy.SELECT, decided(polling, false));
    ready = 1;
    assertEquals(1, decided(polling, false));
    ready = 0;
    assertEquals(SelectStrategy.CONTINUE, decided(polling, false), "from the last event on");
  }

  @Test
  void tasksAreDoneAtOnceAndProlongNothing() throws Exception {
    Polling polling = new Polling(100, () -> nanos);
    ready = 1;
    assertEquals(1, decided(polling, true));
    ready = 0;
    nanos += 99;
    assertEquals(0, decided(polling, true));
    nanos++;
    assertEquals(SelectStrategy.SELECT, decided(polling, false));
  }

  @Test
  void withoutATimeItSleepsAtOnce() throws Exception {
    Polling polling = new Polling(0, () -> nanos);
    ready = 2;
    assertEquals(SelectStrategy.SELECT, decided(polling, false));
    assertEquals(2, decided(polling, true));
  }
}
