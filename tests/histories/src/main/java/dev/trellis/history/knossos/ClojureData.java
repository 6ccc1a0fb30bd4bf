package dev.trellis.history.knossos;

import clojure.java.api.Clojure;
import clojure.lang.BigInt;
import clojure.lang.IFn;
import clojure.lang.IPersistentVector;
import clojure.lang.ISeq;
import clojure.lang.Named;
import clojure.lang.TaggedLiteral;
import dev.trellis.history.edn.Edn;
import dev.trellis.history.edn.EdnList;
import dev.trellis.history.edn.Keyword;
import dev.trellis.history.edn.Symbol;
import dev.trellis.history.edn.Tagged;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// EDN values as Clojure's own data, and back. Numbers, texts, characters and booleans are the same
/// on both sides.
final class ClojureData {
  private static final IFn KEYWORD = core("keyword");
  private static final IFn SYMBOL = core("symbol");
  private static final IFn VEC = core("vec");
  private static final IFn SET = core("set");
  private static final IFn INTO = core("into");
  private static final IFn TAGGED_LITERAL = core("tagged-literal");
  private static final IFn PRINTED = core("pr-str");
  private static final Object EMPTY_LIST = Clojure.read("()");
  private static final Object EMPTY_MAP = Clojure.read("{}");

  private ClojureData() {}

  /// A function of clojure.core.
  static IFn core(String name) {
    return Clojure.var("clojure.core", name);
  }

  /// @param value in the types that [dev.trellis.history.edn.EdnReader] gives
  static @Nullable Object toClojure(@Nullable Object value) {
    return switch (value) {
      case null -> null;
      case Keyword keyword -> KEYWORD.invoke(keyword.name());
      case Symbol symbol -> SYMBOL.invoke(symbol.name());
      case Tagged tagged ->
          TAGGED_LITERAL.invoke(SYMBOL.invoke(tagged.tag().name()), toClojure(tagged.value()));
      case EdnList list -> {
        List<@Nullable Object> reversed = all(list);
        Collections.reverse(reversed); // each goes to the front
        yield INTO.invoke(EMPTY_LIST, reversed);
      }
      case List<?> vector -> VEC.invoke(all(vector));
      case Set<?> set -> SET.invoke(all(set));
      case Map<?, ?> map -> {
        List<@Nullable Object> entries = new ArrayList<>();
        map.forEach(
            (key, element) -> {
              List<@Nullable Object> entry = new ArrayList<>();
              entry.add(toClojure(key));
              entry.add(toClojure(element));
              entries.add(VEC.invoke(entry));
            });
        yield INTO.invoke(EMPTY_MAP, entries);
      }
      default -> value;
    };
  }

  private static List<@Nullable Object> all(Collection<?> elements) {
    List<@Nullable Object> all = new ArrayList<>();
    elements.forEach(element -> all.add(toClojure(element)));
    return all;
  }

  /// What EDN has no form for, such as a function, becomes the text that Clojure prints for it;
  /// records become maps, and sequences lists.
  static @Nullable Object toEdn(@Nullable Object value) {
    return switch (value) {
      case null -> null;
      case clojure.lang.Keyword keyword -> Keyword.of(name(keyword));
      case clojure.lang.Symbol symbol -> new Symbol(name(symbol));
      case TaggedLiteral tagged ->
          new Tagged(new Symbol(name((Named) tagged.tag)), toEdn(tagged.form));
      case BigInt number -> Edn.canonical(number.toBigInteger());
      case IPersistentVector vector -> Collections.unmodifiableList(allToEdn((List<?>) vector));
      case ISeq sequence -> new EdnList(allToEdn((List<?>) sequence));
      case List<?> list -> new EdnList(allToEdn(list)); // an empty list is no sequence
      case Set<?> set -> Collections.unmodifiableSet(new LinkedHashSet<>(allToEdn(set)));
      case Map<?, ?> map -> {
        Map<@Nullable Object, @Nullable Object> copy = new LinkedHashMap<>();
        map.forEach((key, element) -> copy.put(toEdn(key), toEdn(element)));
        yield Collections.unmodifiableMap(copy);
      }
      case Number number when isNumberOfEdn(number) -> Edn.canonical(number);
      case String text -> text;
      case Boolean truth -> truth;
      case Character character -> character;
      default -> PRINTED.invoke(value);
    };
  }

  private static boolean isNumberOfEdn(Number number) {
    return !(number instanceof clojure.lang.Ratio);
  }

  private static List<@Nullable Object> allToEdn(Collection<?> elements) {
    List<@Nullable Object> all = new ArrayList<>();
    elements.forEach(element -> all.add(toEdn(element)));
    return all;
  }

  private static String name(Named named) {
    return named.getNamespace() == null
        ? named.getName()
        : named.getNamespace() + "/" + named.getName();
  }
}
