package dev.trellis.process.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.channel.embedded.EmbeddedChannel;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class AdmissionsTest {
  private static EmbeddedChannel admitted(Admissions admissions) {
    EmbeddedChannel channel = new EmbeddedChannel();
    assertTrue(admissions.admit(channel));
    return channel;
  }

  private static EmbeddedChannel working(Admissions admissions) {
    EmbeddedChannel channel = admitted(admissions);
    assertTrue(admissions.works(channel, false));
    return channel;
  }

  @Test
  void whoWorksIsNotAskedToGo() {
    Admissions admissions = new Admissions(2);
    EmbeddedChannel one = working(admissions);
    EmbeddedChannel two = working(admissions);
    assertFalse(admissions.admit(new EmbeddedChannel()));
    var _ = one.close();
    EmbeddedChannel three = admitted(admissions);
    assertEquals(List.of(three, two), admissions.all());
  }

  @Test
  void whoWaitedLongestForItsNextRequestGoesFirst() {
    Admissions admissions = new Admissions(3);
    EmbeddedChannel one = working(admissions);
    EmbeddedChannel two = working(admissions);
    EmbeddedChannel three = working(admissions);
    admissions.waits(two);
    admissions.waits(one);
    admitted(admissions);
    assertFalse(two.isOpen());
    assertTrue(one.isOpen() && three.isOpen());
  }

  @Test
  void manyThatSayNothingPushOutEachOtherAndNotThoseThatHaveAsked() {
    Admissions admissions = new Admissions(16);
    List<EmbeddedChannel> idle = new ArrayList<>();
    for (int at = 0; at < 4; at++) {
      EmbeddedChannel channel = working(admissions);
      admissions.waits(channel);
      idle.add(channel);
    }
    for (int at = 0; at < 1_000; at++) {
      admitted(admissions);
    }
    assertTrue(idle.stream().allMatch(EmbeddedChannel::isOpen));
    assertEquals(16, admissions.all().size());
  }

  @Test
  void placesAreKeptForWhoIsPreferredAndNewcomersMayWaitThere() {
    Admissions admissions = new Admissions(2, 2);
    EmbeddedChannel one = working(admissions);
    working(admissions);
    EmbeddedChannel three = admitted(admissions);
    assertFalse(admissions.works(three, false), "there is no place");
    EmbeddedChannel four = admitted(admissions);
    assertTrue(admissions.works(four, true));
    EmbeddedChannel five = admitted(admissions);
    assertFalse(three.isOpen(), "it has not been let in, and makes room");
    admissions.waits(one);
    assertTrue(admissions.works(five, false));
    assertFalse(one.isOpen());
  }
}
