package dev.trellis.history.linear;

import dev.trellis.history.Call;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// What a single copy of a thing does: states, and steps from one to the next. States are immutable
/// and have value equality.
///
/// A model may keep notes for the history that it is made for: make one for each check.
///
/// @param <S> a state
public interface Model<S> {
  /// The names that [#named] knows, as people type them.
  List<String> NAMES = List.of("cas-register", "register", "mutex", "set");

  /// A fresh model.
  ///
  /// | name | at first | operations |
  /// |---|---|---|
  /// | `register` | nil | `:write v`, `:read` → v |
  /// | `cas-register` | nil | those, and `:cas [old new]`, which is `:ok` only if it replaced old |
  /// | `mutex` | free | `:acquire`, `:release`, by whomever |
  /// | `set` | empty | `:add v`, `:read` → the elements, as a set or in any order |
  ///
  /// @throws IllegalArgumentException if there is none of that name
  static Model<?> named(String name) {
    return switch (name) {
      case "register" -> new RegisterModel(false);
      case "cas-register" -> new RegisterModel(true);
      case "mutex" -> new MutexModel();
      case "set" -> new SetModel();
      default ->
          throw new IllegalArgumentException(
              "there is no model '" + name + "', only " + String.join(", ", NAMES));
    };
  }

  /// The name of the model.
  String name();

  /// The state before all calls.
  S initial();

  /// What a call does if it happens.
  ///
  /// @param call one that is `:ok`, or unknown and then without a result
  /// @throws dev.trellis.history.HistoryException if the model has no such function, or the call's
  ///   values make no sense for it
  Step<S> step(Call call);

  /// A state as an EDN value, for people.
  @Nullable Object toEdn(S state);

  /// What a call does. Equal steps do the same, so implementations have value equality.
  ///
  /// @param <S> a state
  interface Step<S> {
    /// The state afterwards; empty if the call can't have happened in this state.
    Optional<S> from(S state);

    /// Whether it never changes a state.
    boolean isReadOnly();

    /// The only state in which it is possible; empty if there are several. A hint that makes the
    /// search shorter: see [#produced].
    default Optional<S> required() {
      return Optional.empty();
    }

    /// The only state to which it leads; empty if there are several. Where every step that changes
    /// something has one, and is possible in the state that it requires, or in all, a call that
    /// never completed matters only if another requires what it produces.
    default Optional<S> produced() {
      return Optional.empty();
    }

    /// Whether it is impossible in this state and in all that may follow. A hint that makes the
    /// search shorter.
    default boolean isHopelessFrom(S state) {
      return false;
    }
  }
}
