package dev.trellis.history.edn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.Reader;
import java.io.StringReader;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class EdnTest {
  @Test
  void everyKindOfValueIsRead() {
    assertNull(Edn.read("nil"));
    assertEquals(true, Edn.read("true"));
    assertEquals(false, Edn.read(" false "));
    assertEquals(0L, Edn.read("0"));
    assertEquals(-12L, Edn.read("-12"));
    assertEquals(12L, Edn.read("+12"));
    assertEquals(Long.MIN_VALUE, Edn.read("-9223372036854775808"));
    assertEquals(new BigInteger("9223372036854775808"), Edn.read("9223372036854775808"));
    assertEquals(new BigInteger("9223372036854775808"), Edn.read("+9223372036854775808N"));
    assertEquals(5L, Edn.read("5N"), "equal numbers are equal values");
    assertEquals(1.5, Edn.read("1.5"));
    assertEquals(-1.5e-9, Edn.read("-15E-10"));
    assertEquals(2.0, Edn.read("2."));
    assertEquals(Double.NEGATIVE_INFINITY, Edn.read("##-Inf"));
    assertEquals(Double.NaN, Edn.read("##NaN"));
    assertEquals(new BigDecimal("1.50"), Edn.read("1.50M"));
    assertEquals(new BigDecimal("3"), Edn.read("3M"));
    assertEquals("a\n\t\"\\é☃", Edn.read("\"a\\n\\t\\\"\\\\é\\u2603\""));
    assertEquals('a', Edn.read("\\a"));
    assertEquals(' ', Edn.read("\\space"));
    assertEquals('\n', Edn.read("\\newline"));
    assertEquals('☃', Edn.read("\\u2603"));
    assertEquals('u', Edn.read("\\u"));
    assertEquals(Keyword.of("a/b"), Edn.read(":a/b"));
    assertEquals(Keyword.of("valid?"), Edn.read(":valid?"));
    assertEquals(Keyword.of("0"), Edn.read(":0"));
    assertEquals(new Symbol("-"), Edn.read("-"));
    assertEquals(new Symbol("a.b/c"), Edn.read("a.b/c"));
    assertEquals(List.of(1L, List.of(), 2L), Edn.read("[1[]2]"));
    assertInstanceOf(EdnList.class, Edn.read("(1 2)"));
    assertEquals(Map.of(Keyword.of("a"), 1L), Edn.read("{:a 1}"));
    assertEquals(Set.of(1L, 2L), Edn.read("#{1,2}"));
    assertEquals(new Tagged(new Symbol("inst"), "2026"), Edn.read("#inst \"2026\""));
  }

  @Test
  void commentsCommasAndDiscardedValuesAreNoValues() {
    assertEquals(
        List.of(1L, 4L), Edn.read("; first\n[1, ; one\n #_ 2 #_ #_ {:a 3} [3] 4 #_5] ; last"));
    assertEquals(Map.of(1L, 2L), Edn.read("{#_0 1 #_0 2 #_0}"));
  }

  @Test
  void listsEqualVectorsAndAreWrittenAsTheyWereRead() {
    assertEquals(Edn.read("[1 nil]"), Edn.read("(1 nil)"));
    assertEquals(Edn.read("(1 nil)"), Edn.read("[1 nil]"));
    assertEquals(Objects.hashCode(Edn.read("[1 nil]")), Objects.hashCode(Edn.read("(1 nil)")));
    String text = "{:a [1 (2 #{nil true})], \"b\\u0001\" #t/x [\\c \\space 1.5M ##Inf]}";
    assertEquals(text, Edn.write(Edn.read(text)));
  }

  @Test
  void errorsSayWhereAndWhat() {
    error("line 1, column 1: the text ends here, where a value should be", "");
    error("line 3, column 3: ", "[1\n 2\n  )]");
    error("')' where ']' should close the vector of line 1", "[1\n 2\n  )]");
    error("where ']', which closes the vector of line 2", "\n[1 {:a 2}\n");
    error("where '\"', which closes the text of line 1", "\"abc\n");
    error("line 1, column 2: the key :a of a map has no value", "{:a}");
    error("line 2, column 1: the key :a stands twice in a map", "{:a 1\n:a 2}");
    error("1 stands twice in a set", "#{1 2 1}");
    error("']' closes nothing that is open", "]");
    error("more follows the value", "1 2");
    error("has a leading zero", "007");
    error("'1x' is no number", "1x");
    error("'1.5.2' is no number", "1.5.2");
    error("'1/2' is no number", "1/2");
    error("':' is no keyword", ":");
    error("'::a' is no keyword", "::a");
    error("'a/b/c' is no symbol", "a/b/c");
    error("'\\x' means nothing in a text", "\"\\x\"");
    error("four hexadecimal digits", "\"\\u12x4\"");
    error("'\\nope' is no character", "\\nope");
    error("'##Infinity' is no number", "##Infinity");
    error("'@' is no symbol", "@");
    error("'#(' begins nothing", "#(a)");
    error("'^a' is no symbol", "^a b");
  }

  private static void error(String expected, String text) {
    String message = assertThrows(EdnException.class, () -> Edn.read(text)).getMessage();
    assertTrue(message.contains(expected), () -> text + ": " + message);
  }

  @Test
  void depthAndLengthAreLimited() {
    int depth = EdnReader.DEPTH_MAX;
    String deep = "[".repeat(depth) + "1" + "]".repeat(depth);
    assertEquals(deep, Edn.write(Edn.read(deep)));
    for (String opening : List.of("[", "(", "#{", "{1 ", "#t ", "#_ ", "[#_ ")) {
      error("nested deeper than 256 levels", opening.repeat(100_000));
    }
    error("longer than 4096 characters", "9".repeat(100_000));
  }

  @Test
  void textThatComesInSmallPiecesReadsTheSame() throws IOException {
    String text = "[1 #_ 2 #{3} \"a\\nb\" #t x ; c\n] :k ".repeat(2_000);
    EdnReader whole = new EdnReader(new StringReader(text));
    EdnReader pieces =
        new EdnReader(
            new Reader() {
              private final RandomGenerator random = new Random(7);
              private int at;

              @Override
              public int read(char[] buffer, int offset, int length) {
                if (at == text.length()) {
                  return -1;
                }
                int count = Math.min(random.nextInt(0, 4), Math.min(length, text.length() - at));
                text.getChars(at, at + count, buffer, offset);
                at += count;
                return count;
              }

              @Override
              public void close() {}
            });
    for (int i = 0; i < 4_000; i++) {
      assertEquals(whole.read(), pieces.read());
      assertEquals(whole.line(), pieces.line());
      assertEquals(whole.column(), pieces.column());
    }
    assertEquals(-1, pieces.peek());
  }

  @Test
  void whatIsWrittenIsReadBack() {
    long seed = Long.getLong("seed", System.nanoTime());
    RandomGenerator random = new Random(seed);
    for (int i = 0; i < 2_000; i++) {
      Object value = value(random, 4);
      String text = Edn.write(value);
      assertEquals(value, Edn.read(text), () -> "-Dseed=" + seed + ": " + text);
      assertEquals(text, Edn.write(Edn.read(text)), () -> "-Dseed=" + seed);
    }
  }

  @Test
  void noTextDoesHarm() {
    long seed = Long.getLong("seed", System.nanoTime());
    RandomGenerator random = new Random(seed);
    String signs = "[](){}#_\\\"':;,. \n-+/0129aNMeEu^~@é\u2028";
    int valid = 0;
    for (int i = 0; i < 20_000; i++) {
      StringBuilder text = new StringBuilder();
      for (int length = random.nextInt(12); length > 0; length--) {
        text.append(signs.charAt(random.nextInt(signs.length())));
      }
      try {
        Object value = Edn.read(text.toString());
        valid++;
        assertEquals(value, Edn.read(Edn.write(value)), () -> "-Dseed=" + seed + ": " + text);
      } catch (EdnException e) {
        assertTrue(e.getMessage().startsWith("line "), e.getMessage());
      }
    }
    assertTrue(valid > 100, "too few valid texts to show anything: " + valid);
  }

  private static Object value(RandomGenerator random, int depth) {
    int kinds = depth == 0 ? 11 : 16;
    return switch (random.nextInt(kinds)) {
      case 0 -> null;
      case 1 -> random.nextBoolean();
      case 2 -> random.nextLong(-3, 3);
      case 3 -> random.nextLong();
      case 4 -> new BigInteger(100, new Random(random.nextLong())).setBit(80);
      case 5 -> List.of(0.0, -0.0, 1e300, -1.25, Double.NaN, 1e-7).get(random.nextInt(6));
      case 6 -> BigDecimal.valueOf(random.nextLong(), random.nextInt(-5, 5));
      case 7 -> text(random);
      case 8 -> (char) random.nextInt(Character.MAX_VALUE);
      case 9 -> Keyword.of(List.of("a", "a/b", "valid?", "x#", "1").get(random.nextInt(5)));
      case 10 -> new Symbol(List.of("a", "a/b", "-", "+a", "/", "a.b").get(random.nextInt(6)));
      case 11 -> new Tagged(new Symbol("t/a"), value(random, depth - 1));
      case 12 -> new EdnList(values(random, depth));
      case 13 -> values(random, depth);
      case 14 -> new LinkedHashSet<>(values(random, depth));
      default -> {
        Map<Object, Object> map = new LinkedHashMap<>();
        values(random, depth).forEach(key -> map.put(key, value(random, depth - 1)));
        yield map;
      }
    };
  }

  private static List<Object> values(RandomGenerator random, int depth) {
    List<Object> values = new ArrayList<>();
    for (int size = random.nextInt(4); size > 0; size--) {
      values.add(value(random, depth - 1));
    }
    return values;
  }

  private static String text(RandomGenerator random) {
    StringBuilder text = new StringBuilder();
    for (int size = random.nextInt(6); size > 0; size--) {
      text.append((char) (random.nextBoolean() ? random.nextInt(128) : random.nextInt(0x10000)));
    }
    return text.toString();
  }

  @Test
  void otherIntegersAndCollectionsBecomeThoseThatAreRead() {
    assertEquals(
        Edn.read("[1 2 3 1.5 {4 #{5}}]"),
        Edn.canonical(
            Arrays.asList(1, (short) 2, (byte) 3, 1.5f, Map.of(4, Set.of(BigInteger.valueOf(5))))));
  }

  @Test
  void whatHasNoFormIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> Edn.write(new Object()));
    assertThrows(IllegalArgumentException.class, () -> Keyword.of("a b"));
    assertThrows(IllegalArgumentException.class, () -> new Symbol("nil"));
    assertThrows(IllegalArgumentException.class, () -> new Symbol("-1"));
    assertFalse(Symbol.isName("", true));
  }
}
