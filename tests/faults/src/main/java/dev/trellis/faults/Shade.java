package dev.trellis.faults;

import dev.trellis.history.Operation;
import dev.trellis.history.edn.Edn;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A time in which a fault was there.
///
/// @param from nanoseconds of the history
/// @param to likewise
/// @param hint what was done, for people
record Shade(long from, long to, String hint) {
  private static final String BEGIN = "-begin";
  private static final String END = "-end";

  /// Those of a history: what the nemesis began, until it ended it.
  ///
  /// @param end the end of the history, for what was not ended
  static List<Shade> of(List<Operation> operations, long end) {
    List<Shade> shades = new ArrayList<>();
    @Nullable Operation begun = null;
    for (Operation operation : operations) {
      if (operation.isClient()) {
        continue;
      }
      String name = operation.f().name();
      if (name.endsWith(BEGIN)) {
        begun = operation;
      } else if (name.endsWith(END) && begun != null) {
        shades.add(shade(begun, operation.time()));
        begun = null;
      }
    }
    if (begun != null) {
      shades.add(shade(begun, end));
    }
    return shades;
  }

  private static Shade shade(Operation begun, long to) {
    String name = begun.f().name();
    return new Shade(
        begun.time(),
        to,
        name.substring(0, name.length() - BEGIN.length()) + " " + Edn.write(begun.value()));
  }
}
