package dev.trellis.history;

import dev.trellis.history.edn.Edn;
import dev.trellis.history.edn.Keyword;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// One event of a history, as in Jepsen: a process asks for something (`INVOKE`), or is told what
/// became of it. In EDN a map: `{:process 3, :type :ok, :f :read, :value 5, :time 12, :index 7}`.
/// Immutable.
///
/// @param process who: a number for a client, which has one call at a time, or a keyword such as
///   `:nemesis` for one who is no client
/// @param f what is asked for, such as `:read`
/// @param value argument or result, in the types that [dev.trellis.history.edn.EdnReader] lists.
///   The factories bring other integers into that form and copy collections; the constructor does
///   not
/// @param time nanoseconds since some point before the history began; [#NOT_STATED] if unknown
/// @param index place in the history, from 0; [#NOT_STATED] if unknown
/// @param extra further fields, such as `:error` or `:node`
/// @see <a href="https://jepsen-io.github.io/jepsen/">Jepsen's documentation</a>
public record Operation(
    Object process,
    Type type,
    Keyword f,
    @Nullable Object value,
    long time,
    long index,
    Map<Keyword, @Nullable Object> extra) {
  /// A time or an index that is not known.
  public static final long NOT_STATED = -1;

  private static final Keyword PROCESS = Keyword.of("process");
  private static final Keyword TYPE = Keyword.of("type");
  private static final Keyword F = Keyword.of("f");
  private static final Keyword VALUE = Keyword.of("value");
  private static final Keyword TIME = Keyword.of("time");
  private static final Keyword INDEX = Keyword.of("index");
  private static final Keyword INVOKED = Keyword.of("invoke");
  private static final Keyword OKAY = Keyword.of("ok");
  private static final Keyword FAILED = Keyword.of("fail");
  private static final Keyword INFORMED = Keyword.of("info");
  private static final List<Keyword> FIELDS = List.of(PROCESS, TYPE, F, VALUE, TIME, INDEX);

  /// What an event tells.
  public enum Type {
    /// A process asks.
    INVOKE,
    /// It happened, between asking and now.
    OK,
    /// It did not happen and never will.
    FAIL,
    /// It may have happened, may happen at any later time, or never. Also what the nemesis does.
    INFO;

    private static final Map<Keyword, Type> BY_KEYWORD =
        Arrays.stream(values()).collect(Collectors.toMap(Type::keyword, type -> type));

    /// As in EDN.
    public Keyword keyword() {
      return switch (this) {
        case INVOKE -> INVOKED;
        case OK -> OKAY;
        case FAIL -> FAILED;
        case INFO -> INFORMED;
      };
    }
  }

  /// @throws IllegalArgumentException if the process is neither a [Long] nor a [Keyword], or if
  ///   `extra` names a field that the operation has anyway
  public Operation {
    if (!(process instanceof Long) && !(process instanceof Keyword)) {
      throw new IllegalArgumentException(
          "process " + process + " is neither a whole number nor a keyword");
    }
    if (!extra.isEmpty()) {
      for (Keyword field : FIELDS) {
        if (extra.containsKey(field)) {
          throw new IllegalArgumentException(field + " is no extra field");
        }
      }
      extra = Collections.unmodifiableMap(new LinkedHashMap<>(extra));
    }
  }

  /// A client asks.
  public static Operation invoke(long process, String f, @Nullable Object value) {
    return of(process, Type.INVOKE, f, value);
  }

  /// A client's call happened.
  public static Operation ok(long process, String f, @Nullable Object value) {
    return of(process, Type.OK, f, value);
  }

  /// A client's call did not happen and never will.
  public static Operation fail(long process, String f, @Nullable Object value) {
    return of(process, Type.FAIL, f, value);
  }

  /// A client's call may have happened, or may yet. The process must not be used again: a client
  /// that goes on takes a new number.
  public static Operation info(long process, String f, @Nullable Object value) {
    return of(process, Type.INFO, f, value);
  }

  /// The nemesis does something to the cluster.
  public static Operation nemesis(String f, @Nullable Object value) {
    return new Operation(
        Keyword.of("nemesis"),
        Type.INFO,
        Keyword.of(f),
        Edn.canonical(value),
        NOT_STATED,
        NOT_STATED,
        Map.of());
  }

  private static Operation of(long process, Type type, String f, @Nullable Object value) {
    return new Operation(
        process, type, Keyword.of(f), Edn.canonical(value), NOT_STATED, NOT_STATED, Map.of());
  }

  /// What became of this invocation: same process and f, no time or index yet, and no extra fields.
  public Operation completed(Type outcome, @Nullable Object result) {
    return new Operation(
        process, outcome, f, Edn.canonical(result), NOT_STATED, NOT_STATED, Map.of());
  }

  /// The same with one more extra field.
  public Operation with(String field, @Nullable Object fieldValue) {
    Map<Keyword, @Nullable Object> more = new LinkedHashMap<>(extra);
    more.put(Keyword.of(field), Edn.canonical(fieldValue));
    return new Operation(process, type, f, value, time, index, more);
  }

  /// The same with another value.
  public Operation withValue(@Nullable Object newValue) {
    return new Operation(process, type, f, Edn.canonical(newValue), time, index, extra);
  }

  /// The same at another time and place.
  public Operation at(long newTime, long newIndex) {
    return new Operation(process, type, f, value, newTime, newIndex, extra);
  }

  /// An extra field; null if there is none, or if it is nil.
  public @Nullable Object extra(String field) {
    return extra.get(Keyword.of(field));
  }

  /// Whether a client did this, not the nemesis.
  public boolean isClient() {
    return process instanceof Long;
  }

  /// Whether this is about the function of this name.
  public boolean isAbout(String name) {
    return f.name().equals(name);
  }

  /// The operation as a map, as it stands in EDN.
  public Map<Keyword, @Nullable Object> toMap() {
    Map<Keyword, @Nullable Object> map = new LinkedHashMap<>();
    if (index != NOT_STATED) {
      map.put(INDEX, index);
    }
    if (time != NOT_STATED) {
      map.put(TIME, time);
    }
    map.put(PROCESS, process);
    map.put(TYPE, type.keyword());
    map.put(F, f);
    map.put(VALUE, value);
    map.putAll(extra);
    return map;
  }

  /// The operation that a map stands for. Unknown fields become extra fields; without a `:value` it
  /// is nil.
  ///
  /// @throws IllegalArgumentException if the map is no operation; the message says why
  public static Operation ofMap(Map<?, ?> map) {
    Object process = map.get(PROCESS);
    if (!(process instanceof Long) && !(process instanceof Keyword)) {
      throw new IllegalArgumentException(
          ":process is "
              + Edn.write(process)
              + "; it should be a whole number, or a keyword such as :nemesis");
    }
    if (!(map.get(F) instanceof Keyword f)) {
      throw new IllegalArgumentException(
          ":f is " + Edn.write(map.get(F)) + "; it should be a keyword such as :read");
    }
    Map<Keyword, @Nullable Object> extra = Map.of();
    if (map.size() > FIELDS.size() || !FIELDS.containsAll(map.keySet())) {
      extra = new LinkedHashMap<>();
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        if (!(entry.getKey() instanceof Keyword field)) {
          throw new IllegalArgumentException(
              "the field " + Edn.write(entry.getKey()) + " should be a keyword");
        }
        if (!FIELDS.contains(field)) {
          extra.put(field, entry.getValue());
        }
      }
    }
    return new Operation(
        process,
        type(map.get(TYPE)),
        f,
        map.get(VALUE),
        number(TIME, map.get(TIME)),
        number(INDEX, map.get(INDEX)),
        extra);
  }

  private static Type type(@Nullable Object keyword) {
    Type type = Type.BY_KEYWORD.get(keyword);
    if (type != null) {
      return type;
    }
    throw new IllegalArgumentException(
        ":type is " + Edn.write(keyword) + "; it should be :invoke, :ok, :fail or :info");
  }

  private static long number(Keyword field, @Nullable Object value) {
    if (value == null) {
      return NOT_STATED;
    }
    if (value instanceof Long number && number >= 0) {
      return number;
    }
    throw new IllegalArgumentException(
        field + " is " + Edn.write(value) + "; it should be a whole number from 0");
  }

  /// As EDN.
  @Override
  public String toString() {
    return Edn.write(toMap());
  }
}
