package dev.trellis.execution;

import dev.trellis.lattice.Counter;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Flag;
import dev.trellis.lattice.GrowSet;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Log;
import dev.trellis.lattice.MaxRegister;
import dev.trellis.lattice.MinRegister;
import dev.trellis.lattice.ObservedRemoveSet;
import dev.trellis.lattice.OrderedSet;
import dev.trellis.lattice.Payload;
import dev.trellis.lattice.Value;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Threshold;
import dev.trellis.wire.View;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/// Says of an entry whether a threshold is reached. Pure.
///
/// Law: where one is reached that is no [Threshold.Seen] or [Threshold.Unseen], it is reached by
/// every merge of the entry with states of the same generation. So an answer needs no second
/// replica, and no replica that has everything. Of a counter, as long as what invocations have
/// added is folded by vote, so that no sum lacks what another state has of it.
public final class ThresholdReader {
  private static final View TRUE = new View.Truth(true);

  private ThresholdReader() {}

  /// What there is to show of a threshold that is reached; empty if it is not, or not yet.
  ///
  /// @param subject names the key in messages
  /// @throws Refusal `BAD_REQUEST` if the kind does not only grow towards such a threshold,
  ///   whatever the entry holds; `KIND_MISMATCH` if it holds another kind
  public static Optional<View> read(
      Entry entry, Threshold threshold, long nowMillis, String subject) throws Refusal {
    requireMonotone(threshold);
    List<Value<?>> live = entry.liveValues(nowMillis);
    if (live.isEmpty()) {
      return Optional.empty();
    }
    if (threshold.kind().isEmpty()) {
      return Optional.of(TRUE); // that a key is there, with whatever kinds
    }
    Value<?> value = EntryReader.choose(live, threshold.kind(), subject);
    return switch (threshold) {
      case Threshold.AtLeast atLeast -> {
        long number = grown(value);
        yield number >= atLeast.bound() ? Optional.of(new View.Whole(number)) : Optional.empty();
      }
      case Threshold.AtMost atMost -> {
        long number = ((MinRegister) value).value();
        yield number <= atMost.bound() ? Optional.of(new View.Whole(number)) : Optional.empty();
      }
      case Threshold.Contains contains ->
          contains.elements().stream().allMatch(member(value))
              ? Optional.of(new View.Elements(contains.elements()))
              : Optional.empty();
      case Threshold.Enabled enabled ->
          ((Flag) value).value() ? Optional.of(TRUE) : Optional.empty();
      case Threshold.Seen seen -> {
        Optional<Payload> element = seen.element();
        if (element.isEmpty()) {
          yield Optional.of(TRUE);
        }
        yield ((ObservedRemoveSet) value).contains(element.get())
            ? Optional.of(new View.Elements(List.of(element.get())))
            : Optional.empty();
      }
      case Threshold.Unseen unseen -> {
        View.Records records = EntryReader.unseen((Log) value, unseen);
        yield records.records().isEmpty() ? Optional.empty() : Optional.of(records);
      }
    };
  }

  /// How many of the elements waited for an entry has, up to the first that it lacks.
  ///
  /// @param known how many of the first it is known to have. Within a generation they stay
  /// @throws Refusal as [#read]
  public static int found(
      Entry entry, Threshold.Contains contains, int known, long nowMillis, String subject)
      throws Refusal {
    requireMonotone(contains);
    List<Value<?>> live = entry.liveValues(nowMillis);
    if (live.isEmpty()) {
      return 0;
    }
    Predicate<Payload> there = member(EntryReader.choose(live, contains.kind(), subject));
    int found = known;
    while (found < contains.elements().size() && there.test(contains.elements().get(found))) {
      found++;
    }
    return found;
  }

  private static long grown(Value<?> value) {
    return value instanceof Counter counter ? counter.increments() : ((MaxRegister) value).value();
  }

  private static Predicate<Payload> member(Value<?> value) {
    return value instanceof GrowSet set ? set::contains : ((OrderedSet) value)::contains;
  }

  /// How far an entry is from a threshold that it has not reached, for people.
  public static String shortfall(Entry entry, Threshold threshold, long nowMillis) {
    Optional<Value<?>> value =
        entry.liveValues(nowMillis).stream()
            .filter(one -> Kind.ofNumber(one.kindNumber()).equals(threshold.kind()))
            .findFirst();
    if (value.isEmpty()) {
      return "there is none";
    }
    return switch (threshold) {
      case Threshold.AtLeast atLeast -> "it is at " + grown(value.get());
      case Threshold.AtMost atMost -> "it is at " + ((MinRegister) value.get()).value();
      case Threshold.Contains contains ->
          "it has "
              + contains.elements().stream().filter(member(value.get())).count()
              + " of the "
              + contains.elements().size();
      case Threshold.Enabled enabled -> "it is not";
      case Threshold.Seen seen -> "it is not there";
      case Threshold.Unseen unseen -> "it has no others";
    };
  }

  /// Refuses what may hold now and not later, so that to wait for it would prove nothing.
  ///
  /// @throws Refusal `BAD_REQUEST` with the reason, and what can be waited for instead
  public static void requireMonotone(Threshold threshold) throws Refusal {
    Optional<String> reason =
        switch (threshold) {
          case Threshold.AtLeast atLeast ->
              switch (atLeast.of()) {
                case MAX, COUNTER -> Optional.empty();
                case MIN -> Optional.of("a min only falls; wait for it to be at most something");
                default -> Optional.of(why(atLeast.of()));
              };
          case Threshold.AtMost atMost ->
              switch (atMost.of()) {
                case MIN -> Optional.empty();
                case MAX -> Optional.of("a max only rises; wait for it to be at least something");
                case COUNTER ->
                    Optional.of(
                        "the sum of a counter goes up and down; only what is added grows, so wait"
                            + " for that to be at least something");
                default -> Optional.of(why(atMost.of()));
              };
          case Threshold.Contains contains ->
              switch (contains.of()) {
                case GSET, OSET -> Optional.empty();
                case ORSET ->
                    Optional.of(
                        "an element of an orset may be removed again; wait until it is seen, which"
                            + " says that it was there once");
                default -> Optional.of(why(contains.of()));
              };
          case Threshold.Enabled enabled ->
              enabled.of() == Kind.FLAG ? Optional.empty() : Optional.of(why(enabled.of()));
          case Threshold.Seen seen ->
              seen.element().isEmpty() || seen.of().equals(Optional.of(Kind.ORSET))
                  ? Optional.empty()
                  : Optional.of(
                      "an element is waited for in an orset, and in a gset or oset as contained, not"
                          + " in "
                          + seen.of().map(Kind::word).orElse("any kind"));
          case Threshold.Unseen unseen -> Optional.empty();
        };
    if (reason.isPresent()) {
      throw new Refusal(
          ErrorCode.BAD_REQUEST, "wait for " + threshold.describe() + ": " + reason.get());
    }
  }

  private static String why(Kind kind) {
    return "a "
        + kind.word()
        + " has no such threshold, which could be relied on once it is reached; there are at least"
        + " (max, and what was added to a counter), at most (min), contains (gset, oset), enabled"
        + " (flag), and seen (an element of an orset, any key)";
  }
}
