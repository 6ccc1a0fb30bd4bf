package dev.trellis.plot;

/// What pages of figures have in common: colours by day and by night, room on a telephone.
public final class Page {
  private static final String STYLE =
      """
      :root { --ink: #1c2430; --soft: #667085; --line: #d7dce3;
        --paper: #ffffff; --shade: #f6c9a8; --ok: #2f6fb3; --fail: #8a8f98; --info: #c77700;
        --bad: #b42318; --good: #1a7f43; }
      @media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #98a2b3; --line: #3a424e;
        --paper: #14181e; --shade: #6b3f1d; --ok: #7db4ea; --fail: #8a8f98; --info: #f0b04a;
        --bad: #ff8a7e; --good: #6fd394; } }
      body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
        max-width: 1000px; margin: 2rem auto; padding: 0 1rem; }
      h1 { font-size: 1.6rem; } h2 { margin-top: 2.5rem; border-top: 1px solid var(--line);
        padding-top: 1.5rem; } h3 { margin: 1.5rem 0 .25rem; }
      table { border-collapse: collapse; width: 100%; } th, td { text-align: left;
        padding: .35rem .6rem; border-bottom: 1px solid var(--line); }
      .soft, .tick { color: var(--soft); }
      svg { width: 100%; height: auto; display: block; margin: .25rem 0 .75rem; }
      svg text { font: 11px system-ui, sans-serif; fill: var(--ink); }
      svg text.tick { fill: var(--soft); } .grid { stroke: var(--line); }
      .key span { display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 1em; }
      """;

  private Page() {}

  /// The beginning of a page, up to its body.
  ///
  /// @param title of the window
  /// @param style what the page adds to the common style
  public static String head(String title, String style) {
    return """
    <!doctype html>
    <html lang="en"><head><meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark"><title>"""
        + Svg.escape(title)
        + "</title><style>\n"
        + STYLE
        + style
        + "</style></head><body>\n";
  }

  /// The end of a page.
  public static String end() {
    return "</body></html>\n";
  }
}
