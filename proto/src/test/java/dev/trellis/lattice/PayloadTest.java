package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.testing.Seeds;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class PayloadTest {
  private static final byte[] BYTES = {1, (byte) 0x80, 0, (byte) 0xff};

  @Test
  void nobodyWhoHasTheBytesInHandChangesThePayload() {
    byte[] given = BYTES.clone();
    Payload payload = Payload.of(given);
    ByteBuffer buffer = ByteBuffer.wrap(given);
    Payload ofBuffer = Payload.of(buffer);
    assertEquals(0, buffer.position());
    given[0] = 9;
    payload.toBytes()[0] = 9;
    assertArrayEquals(BYTES, payload.toBytes());
    assertArrayEquals(BYTES, ofBuffer.toBytes());
    assertTrue(payload.asByteBuffer().isReadOnly());
    assertEquals(ByteBuffer.wrap(BYTES), payload.asByteBuffer());
  }

  @Test
  void equalBytesAreEqualHoweverTheyCame() {
    byte[] framed = {7, 1, (byte) 0x80, 0, (byte) 0xff, 7};
    Payload payload = Payload.of(BYTES);
    for (Payload same :
        new Payload[] {
          Payload.of(framed, 1, 4),
          Payload.of(ByteBuffer.wrap(framed, 1, 4)),
          Payload.of(ByteBuffer.allocateDirect(4).put(BYTES).flip()),
        }) {
      assertEquals(payload, same);
      assertEquals(payload.hashCode(), same.hashCode());
      assertEquals(0, payload.compareTo(same));
    }
    assertNotEquals(payload, Payload.of(BYTES, 0, 3));
    assertEquals(Payload.EMPTY, Payload.of(ByteBuffer.allocate(0)));
    assertEquals(Payload.EMPTY, Payload.of(framed, 6, 0));
    assertTrue(Payload.EMPTY.isEmpty());
  }

  @Test
  void aRangeOutsideTheBytesIsRefusedRatherThanFilledUp() {
    assertThrows(IndexOutOfBoundsException.class, () -> Payload.of(BYTES, 1, 4));
    assertThrows(IndexOutOfBoundsException.class, () -> Payload.of(BYTES, -1, 2));
    assertThrows(IndexOutOfBoundsException.class, () -> Payload.of(BYTES, 5, 0));
    assertThrows(IndexOutOfBoundsException.class, () -> Payload.of(BYTES, 1, -1));
  }

  @Test
  void theOrderIsThatOfUnsignedBytes() {
    Seeds.forAll(
        2_000,
        random -> {
          byte[] a = new byte[random.nextInt(4)];
          byte[] b = new byte[random.nextInt(4)];
          for (byte[] bytes : new byte[][] {a, b}) {
            for (int at = 0; at < bytes.length; at++) {
              bytes[at] = (byte) random.nextInt(0x7e, 0x82);
            }
          }
          int order = Payload.of(a).compareTo(Payload.of(b));
          assertEquals(Integer.signum(Arrays.compareUnsigned(a, b)), Integer.signum(order));
          assertEquals(order == 0, Payload.of(a).equals(Payload.of(b)));
        });
  }

  @Test
  void theOrderOfTextsIsThatOfTheirCodePointsNotOfUtf16() {
    Payload privateUse = Payload.ofText("\uE000");
    Payload emoji = Payload.ofText("\uD83D\uDE00");
    assertTrue("\uE000".compareTo("\uD83D\uDE00") > 0);
    assertTrue(privateUse.compareTo(emoji) < 0);
  }

  @Test
  void textComesBackAsItWas() {
    for (String text : new String[] {"", "a", "naïve", "日本", "\uD83D\uDE00", "\0"}) {
      assertEquals(text, Payload.ofText(text).text());
      assertTrue(Payload.ofText(text).isText());
    }
    assertFalse(Payload.of(BYTES).isText());
    assertTrue(Payload.of(BYTES).text().contains("\uFFFD"));
  }

  @Test
  void textThatHasNoUtf8FormIsRefused() {
    assertEquals(
        "text with an unpaired surrogate at index 3 has no UTF-8 form",
        assertThrows(IllegalArgumentException.class, () -> Payload.ofText("a\uD83D\uDE00\uD83D"))
            .getMessage());
  }

  @Test
  void startsWithComparesWholePrefixes() {
    assertTrue(Payload.ofText("abc").startsWith(Payload.ofText("ab")));
    assertTrue(Payload.ofText("abc").startsWith(Payload.ofText("abc")));
    assertTrue(Payload.ofText("abc").startsWith(Payload.EMPTY));
    assertFalse(Payload.ofText("abc").startsWith(Payload.ofText("abcd")));
    assertFalse(Payload.ofText("abc").startsWith(Payload.ofText("b")));
  }

  @Test
  void bytesCanBeReadOneByOneAndCopied() {
    Payload payload = Payload.of(BYTES);
    assertEquals(4, payload.size());
    assertEquals((byte) 0x80, payload.at(1));
    byte[] target = new byte[6];
    payload.copyTo(target, 1);
    assertArrayEquals(new byte[] {0, 1, (byte) 0x80, 0, (byte) 0xff, 0}, target);
  }

  @Test
  void printsTheBeginningOfTextAsTextAndTheRestInHex() {
    assertEquals("\"ab\"", Payload.ofText("ab").toString());
    assertEquals("4 bytes 018000ff", Payload.of(BYTES).toString());
    assertEquals('"' + "a".repeat(64) + "\"", Payload.ofText("a".repeat(64)).toString());
    assertEquals('"' + "ä".repeat(64) + "…\"", Payload.ofText("ä".repeat(65)).toString());
    assertEquals(
        "1025 bytes 61616161616161616161616161616161…",
        Payload.ofText("a".repeat(1025)).toString());
    assertEquals("\"say \\\"a\\\\b\\\"\"", Payload.ofText("say \"a\\b\"").toString());
    assertEquals("\"a\\u{a}\\u{202e}ü\\u{1b}\"", Payload.ofText("a\n\u202eü\u001b").toString());
  }
}
