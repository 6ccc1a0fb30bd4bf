package dev.trellis.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.joran.JoranConfigurator;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.util.LogbackMDCAdapter;
import ch.qos.logback.core.read.ListAppender;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

class AuditLogTest {
  /// Else whoever is refused often enough would roll the actions out of the files that are kept.
  @Test
  void refusalsHaveALogOfTheirOwnAndAreBounded() {
    ListAppender<ILoggingEvent> lines = new ListAppender<>();
    lines.start();
    List<Logger> loggers =
        Stream.of(AuditLog.NAME, AuditLog.REFUSED)
            .map(name -> (Logger) LoggerFactory.getLogger(name))
            .toList();
    loggers.getLast().setAdditive(false); // whatever the settings say
    loggers.forEach(logger -> logger.addAppender(lines));
    try {
      AuditLog audit = new AuditLog("node n1", () -> Instant.ofEpochSecond(1));
      audit.administered("admin", "change key/1", "_trellis/access", "10.0.0.7:1", "asked");
      for (int i = 0; i < 10 * AuditLog.REFUSALS_MAX; i++) {
        audit.refused("", "connect", "", "10.0.0.8:1", "no TLS");
      }
    } finally {
      loggers.forEach(logger -> logger.detachAppender(lines));
    }
    assertEquals(
        1, lines.list.stream().filter(it -> it.getLoggerName().equals(AuditLog.NAME)).count());
    assertEquals(
        AuditLog.REFUSALS_MAX,
        lines.list.stream().filter(it -> it.getLoggerName().equals(AuditLog.REFUSED)).count());
  }

  @Test
  void processesKeepThemInFilesOfTheirOwn(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("n1.audit.log");
    LoggerContext context = new LoggerContext();
    context.setMDCAdapter(new LogbackMDCAdapter());
    context.putProperty("trellis.audit.appender", "audit-file");
    context.putProperty("trellis.audit.file", file.toString());
    try {
      JoranConfigurator configurator = new JoranConfigurator();
      configurator.setContext(context);
      configurator.doConfigure(
          Path.of(
                  System.getProperty("trellis.root"),
                  "deploy/launcher/src/main/resources/logback.xml")
              .toFile());
      context.getLogger(AuditLog.NAME).info("{done}");
      context.getLogger(AuditLog.REFUSED).info("{refused}");
    } finally {
      context.stop();
    }
    assertEquals(List.of("{done}"), Files.readAllLines(file));
    Path refused = folder.resolve("n1.audit.log.refused");
    assertTrue(Files.exists(refused), "there is " + refused);
    assertEquals(List.of("{refused}"), Files.readAllLines(refused));
  }
}
