package dev.trellis.history.edn;

/// An EDN keyword, such as `:ok` or `:kind/lww`.
///
/// @param name what follows the colon; a slash separates the namespace, if it has one
public record Keyword(String name) implements Comparable<Keyword> {
  public Keyword {
    if (!Symbol.isName(name, true)) {
      throw new IllegalArgumentException("'" + name + "' is no name of a keyword");
    }
  }

  /// The keyword of this name.
  public static Keyword of(String name) {
    return new Keyword(name);
  }

  @Override
  public int compareTo(Keyword other) {
    return name.compareTo(other.name);
  }

  @Override
  public String toString() {
    return ":" + name;
  }
}
