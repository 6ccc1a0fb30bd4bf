package dev.trellis.history.knossos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import clojure.java.api.Clojure;
import clojure.lang.IFn;
import clojure.lang.IPersistentMap;
import clojure.lang.IPersistentSet;
import clojure.lang.IPersistentVector;
import clojure.lang.PersistentList;
import dev.trellis.history.edn.Edn;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/// EDN, our values and Clojure's: each is the same after a trip through the others.
class ClojureDataTest {
  private static final IFn EQUAL = Clojure.var("clojure.core", "=");
  private static final IFn PRINTED = Clojure.var("clojure.core", "pr-str");

  /// One of each kind, and those on which the two sides might differ.
  private static final List<String> TEXTS =
      List.of(
          "nil",
          "true",
          "-5",
          "9223372036854775808N",
          "1.5",
          "##Inf",
          "2.50M",
          "\"a\\n\\\"ü☃\"",
          "\\a",
          "\\space",
          ":a",
          ":kind/lww",
          "sym",
          "a.b/c",
          "[]",
          "()",
          "[1 [2 nil] (3)]",
          "(1 (2) [3])",
          "{}",
          "{:a 1 nil nil [1] #{2}}",
          "#{}",
          "#{1 nil \"x\" #{2}}",
          "#my/tag [1 2]",
          "{:process 3, :type :ok, :f :cas, :value [1 2], :time 12, :index 0}");

  @Test
  void bothReadersReadTheSame() {
    IFn readString = readString();
    for (String text : TEXTS) {
      Object ours = Edn.read(text);
      Object theirs = read(readString, text);
      assertEquals(true, EQUAL.invoke(ClojureData.toClojure(ours), theirs), text);
      assertEquals(ours, ClojureData.toEdn(theirs), text);
    }
  }

  @Test
  void valuesComeBackAsTheyWent() {
    IFn readString = readString();
    for (String text : TEXTS) {
      Object ours = Edn.read(text);
      Object clojure = ClojureData.toClojure(ours);
      assertEquals(ours, ClojureData.toEdn(clojure), text);
      assertEquals(Objects.hashCode(ours), Objects.hashCode(ClojureData.toEdn(clojure)), text);
      assertEquals(ours, Edn.read((String) PRINTED.invoke(clojure)), text);
      assertEquals(true, EQUAL.invoke(clojure, read(readString, Edn.write(ours))), text);
    }
  }

  private static IFn readString() {
    Clojure.var("clojure.core", "require").invoke(Clojure.read("clojure.edn"));
    return Clojure.var("clojure.edn", "read-string");
  }

  private static Object read(IFn readString, String text) {
    IFn taggedLiteral = Clojure.var("clojure.core", "tagged-literal");
    Object options =
        Clojure.var("clojure.core", "hash-map").invoke(Clojure.read(":default"), taggedLiteral);
    return readString.invoke(options, text);
  }

  @Test
  void clojureSeesItsOwnCollections() {
    assertInstanceOf(IPersistentVector.class, ClojureData.toClojure(Edn.read("[1]")));
    assertInstanceOf(PersistentList.class, ClojureData.toClojure(Edn.read("(1)")));
    assertInstanceOf(IPersistentMap.class, ClojureData.toClojure(Edn.read("{1 2}")));
    assertInstanceOf(IPersistentSet.class, ClojureData.toClojure(Edn.read("#{1}")));
  }

  @Test
  void whatEdnLacksBecomesText() {
    assertEquals("1/2", ClojureData.toEdn(Clojure.read("1/2")));
    assertEquals(
        List.of(1L, 2L),
        ClojureData.toEdn(
            Clojure.var("clojure.core", "map")
                .invoke(Clojure.var("clojure.core", "inc"), Clojure.read("[0 1]"))));
  }
}
