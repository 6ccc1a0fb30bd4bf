package dev.trellis.history.edn;

/// An EDN symbol, such as `x` or `knossos.op/Op`.
///
/// @param name all of it; a slash separates the namespace, if it has one
public record Symbol(String name) {
  private static final String OTHERS = ".*+!-_?$%&=<>'|";

  public Symbol {
    if (!isName(name, false) || isReserved(name)) {
      throw new IllegalArgumentException("'" + name + "' is no name of a symbol");
    }
  }

  @Override
  public String toString() {
    return name;
  }

  private static boolean isReserved(String name) {
    return name.equals("nil") || name.equals("true") || name.equals("false");
  }

  /// Whether a text is a name: letters, digits and some signs, at most one slash between two names.
  /// A keyword's may begin with a digit.
  static boolean isName(String text, boolean ofKeyword) {
    if (text.equals("/")) {
      return !ofKeyword;
    }
    int slash = text.indexOf('/');
    return slash < 0
        ? isPart(text, ofKeyword)
        : isPart(text.substring(0, slash), ofKeyword) && isPart(text.substring(slash + 1), false);
  }

  private static boolean isPart(String text, boolean mayStartWithDigit) {
    if (text.isEmpty()) {
      return false;
    }
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      boolean inside = i > 0 && (c == '#' || c == ':');
      if (!Character.isLetterOrDigit(c) && OTHERS.indexOf(c) < 0 && !inside) {
        return false;
      }
    }
    char first = text.charAt(0);
    boolean signed = text.length() > 1 && (first == '-' || first == '+' || first == '.');
    char leading = signed ? text.charAt(1) : first;
    // Else -1 could be a symbol.
    return mayStartWithDigit || !isDigit(leading);
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }
}
