package dev.trellis.placement;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.trellis.lattice.Payload;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;

class KeyHashTest {
  /// From the tests of the Go port, github.com/cespare/xxhash, and of xxHash's own documentation.
  @Test
  void textsHaveThePublishedHashes() {
    Map<String, Long> published =
        Map.of(
            "", 0xEF46DB3751D8E999L,
            "a", 0xD24EC4F1A98C6E5BL,
            "as", 0x1C330FB2D66BE179L,
            "asd", 0x631C37CE72A97393L,
            "asdf", 0x415872F599CEA71EL,
            "abc", 0x44BC2CF5AD770999L,
            "xxhash", 0x32DD38952C4BC720L,
            "Nobody inspects the spammish repetition", 0xFBCEA83C8A378BF1L,
            "Call me Ishmael. Some years ago--never mind how long precisely-", 0x02A2E85470D6FD96L);
    published.forEach((text, hash) -> assertEquals(hash, KeyHash.of(Payload.ofText(text)), text));
  }

  /// The buffer and the hashes of `xsum_sanity_check.c`: bytes of all values, every length of tail.
  @Test
  void theSanityBufferHasThePublishedHashes() {
    byte[] buffer = new byte[222];
    long generator = 2_654_435_761L;
    for (int at = 0; at < buffer.length; at++) {
      buffer[at] = (byte) (generator >>> 56);
      generator *= 0x9E3779B185EBCA8DL;
    }
    Map<Integer, Long> published =
        Map.of(
            0, 0xEF46DB3751D8E999L,
            1, 0xE934A84ADB052768L,
            4, 0x9136A0DCA57457EEL,
            14, 0x8282DCC4994E35C8L,
            222, 0xB641AE8CB691C174L);
    published.forEach(
        (length, hash) ->
            assertEquals(hash, KeyHash.of(Payload.of(Arrays.copyOf(buffer, length))), length + ""));
  }
}
