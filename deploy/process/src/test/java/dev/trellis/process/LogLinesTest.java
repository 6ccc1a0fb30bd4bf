package dev.trellis.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.joran.JoranConfigurator;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.core.OutputStreamAppender;
import ch.qos.logback.core.joran.spi.JoranException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// What the processes' `logback.xml` makes of names that strangers chose.
class LogLinesTest {
  private static final String FORGED =
      "2026-01-01T00:00:00.000Z INFO  [main] NodeMain: all is well";

  private final LoggerContext context = new LoggerContext();

  @BeforeEach
  void read() throws JoranException {
    JoranConfigurator configurator = new JoranConfigurator();
    configurator.setContext(context);
    configurator.doConfigure(
        Path.of(
                System.getProperty("trellis.root"),
                "deploy/launcher/src/main/resources/logback.xml")
            .toFile());
  }

  @AfterEach
  void stop() {
    context.stop();
  }

  private String line(String message, @Nullable Throwable failure) {
    Logger logger = context.getLogger("dev.trellis.Some");
    OutputStreamAppender<ILoggingEvent> appender =
        (OutputStreamAppender<ILoggingEvent>)
            context.getLogger(Logger.ROOT_LOGGER_NAME).getAppender("stderr");
    LoggingEvent event =
        new LoggingEvent(
            LogLinesTest.class.getName(), logger, Level.WARN, message, failure, new Object[0]);
    return ((PatternLayoutEncoder) appender.getEncoder()).getLayout().doLayout(event);
  }

  @Test
  void noNameEndsALineOrMovesACursor() {
    for (String bad :
        List.of(
            "\n",
            "\r",
            "\r\n",
            "\t",
            "\u001b[2J",
            "\u0000",
            "\b",
            "\u007f",
            "\u0085",
            "\u009b",
            "\u2028",
            "\u2029",
            "\u202e",
            "\u2066")) {
      String line = line("node a" + bad + FORGED + " is refused", null);
      assertTrue(
          line.endsWith(
              " Some: node a" + bad.replaceAll("[^\\[2J]", "?") + FORGED + " is refused\n"),
          line);
    }
    assertTrue(line("Füße — 日本語 🙂", null).endsWith(" Some: Füße — 日本語 🙂\n"));
  }

  @Test
  void noFailureSaysWhatLooksLikeAnEvent() {
    String text =
        line(
            "a request met a defect",
            new IllegalStateException(
                "key a\n" + FORGED + "\r\u001b[2J\n",
                new IllegalArgumentException("b\r\n" + FORGED)));
    List<String> lines = text.lines().toList();
    assertTrue(lines.get(0).endsWith(" Some: a request met a defect"), text);
    assertEquals(
        "java.lang.IllegalStateException: key a",
        lines.get(1).substring(lines.get(1).indexOf("java")));
    assertEquals(1, lines.stream().filter(one -> one.matches("\\d{4}-.*")).count(), text);
    assertEquals(
        2,
        lines.stream()
            .filter(one -> one.equals("? " + FORGED + "??[2J") || one.equals("? " + FORGED))
            .count(),
        text);
    assertTrue(lines.stream().anyMatch(one -> one.startsWith("\tat ")), text);
    assertTrue(lines.stream().anyMatch(one -> one.startsWith("Caused by: java.lang.Ill")), text);
    assertTrue(text.endsWith("\n"), text);
    assertTrue(text.chars().allMatch(c -> c == '\n' || c == '\t' || c >= ' '), text);
  }
}
