package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class VisibleTextTest {
  private static String text(int... bytes) {
    byte[] key = new byte[bytes.length];
    for (int at = 0; at < bytes.length; at++) {
      key[at] = (byte) bytes[at];
    }
    return VisibleText.of(Payload.of(key));
  }

  @Test
  void whatCanBeReadIsLeftAlone() {
    String key = "cart:7 <b>amélie</b> \"東京\" 🛒";
    assertEquals(key, VisibleText.of(Payload.ofText(key)));
    assertEquals(key, VisibleText.of(key));
  }

  @Test
  void whatCannotBeSeenStandsAsItsNumber() {
    assertEquals("a\\u{0}b\\u{a}", VisibleText.of(Payload.ofText("a\0b\n")));
    assertEquals("price\\u{202e}gnp.exe", VisibleText.of(Payload.ofText("price\u202egnp.exe")));
    assertEquals("a\\u{a0}b\\u{200b}", VisibleText.of(Payload.ofText("a\u00a0b\u200b")));
  }

  @Test
  void inAsciiNoNameLooksLikeAnother() {
    assertEquals("\\u{430}dmin \\u{1f6d2} \\\\ ~", VisibleText.ascii("\u0430dmin 🛒 \\ ~"));
    assertEquals("a\\u{a}b\\u{7f}", VisibleText.ascii("a\nb\u007f"));
    assertEquals("a\\u{d83d}", VisibleText.ascii("a\ud83d")); // half a pair
  }

  @Test
  void bytesThatAreNoTextStandAsNumbersAndTheRestIsRead() {
    assertEquals("\\xffA\\x80é", text(0xff, 0x41, 0x80, 0xc3, 0xa9));
    assertEquals("A\\xe6\\x9d", text(0x41, 0xe6, 0x9d));
    assertEquals("\\xed\\xa0\\x80", text(0xed, 0xa0, 0x80)); // half a surrogate pair
  }

  @Test
  void aKeyThatLooksLikeANumberIsToldApart() {
    assertEquals("\\\\xff", VisibleText.of(Payload.ofText("\\xff")));
  }

  @Test
  void differentKeysHaveDifferentTexts() {
    long seed = Long.getLong("seed", System.nanoTime());
    Random random = new Random(seed);
    byte[] alphabet = {
      '\\', 'x', 'u', '{', '0', 'f', '}', (byte) 0xff, (byte) 0xc2, (byte) 0x80, 0
    };
    Map<String, Payload> seen = new HashMap<>();
    for (int round = 0; round < 20_000; round++) {
      byte[] bytes = new byte[random.nextInt(7)];
      for (int at = 0; at < bytes.length; at++) {
        bytes[at] = alphabet[random.nextInt(alphabet.length)];
      }
      Payload key = Payload.of(bytes);
      Payload other = seen.put(VisibleText.of(key), key);
      assertTrue(other == null || other.equals(key), "-Dseed=" + seed);
    }
    assertNull(seen.get("nothing like it"));
  }
}
