package dev.trellis.plot;

import java.util.Locale;

/// A drawing as text, to stand in a page.
public final class Svg {
  private final StringBuilder text = new StringBuilder();

  /// @param title what it shows, for those who do not see it
  public Svg(int width, int height, String title) {
    text.append(
        String.format(
            Locale.ROOT,
            "<svg viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\""
                + " aria-label=\"%s\">\n",
            width,
            height,
            width,
            height,
            escape(title)));
  }

  /// Makes text harmless in HTML.
  public static String escape(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }

  /// Draws a rectangle.
  ///
  /// @param style the class that the page's style knows
  /// @param hint what is shown when the pointer rests there; empty for nothing
  public Svg box(String style, double x, double y, double width, double height, String hint) {
    text.append(
        String.format(
            Locale.ROOT,
            "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\">%s</rect>\n",
            style,
            x,
            y,
            Math.max(width, 1),
            height,
            title(hint)));
    return this;
  }

  private static String title(String hint) {
    return hint.isEmpty() ? "" : "<title>" + escape(hint) + "</title>";
  }

  /// Draws a straight line.
  public Svg line(String style, double fromX, double fromY, double toX, double toY) {
    text.append(
        String.format(
            Locale.ROOT,
            "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
            style,
            fromX,
            fromY,
            toX,
            toY));
    return this;
  }

  /// Writes words.
  ///
  /// @param anchor `start`, `middle` or `end`
  public Svg label(String style, double x, double y, String anchor, String words) {
    text.append(
        String.format(
            Locale.ROOT,
            "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n",
            style,
            x,
            y,
            anchor,
            escape(words)));
    return this;
  }

  /// Draws a path.
  ///
  /// @param data as the attribute `d` of a path
  public Svg path(String style, CharSequence data) {
    text.append("<path class=\"").append(style).append("\" d=\"").append(data).append("\"/>\n");
    return this;
  }

  @Override
  public String toString() {
    return text + "</svg>\n";
  }
}
