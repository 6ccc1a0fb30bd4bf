package dev.trellis.node.control;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import dev.trellis.process.AuditLog;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.slf4j.LoggerFactory;

/// What was written to the audit log meanwhile: what was done, and what was refused.
public final class AuditedLines implements AutoCloseable {
  private final List<String> lines = new CopyOnWriteArrayList<>();
  private final List<Logger> loggers =
      List.of(
          (Logger) LoggerFactory.getLogger(AuditLog.NAME),
          (Logger) LoggerFactory.getLogger(AuditLog.REFUSED));
  private final AppenderBase<ILoggingEvent> appender =
      new AppenderBase<>() {
        @Override
        protected void append(ILoggingEvent event) {
          lines.add(event.getFormattedMessage());
        }
      };

  public AuditedLines() {
    loggers.getLast().setAdditive(false); // whatever the settings say
    appender.start();
    loggers.forEach(logger -> logger.addAppender(appender));
  }

  public List<String> lines() {
    return lines;
  }

  public boolean has(String... parts) {
    return count(parts) > 0;
  }

  public long count(String... parts) {
    return lines.stream().filter(line -> List.of(parts).stream().allMatch(line::contains)).count();
  }

  @Override
  public void close() {
    loggers.forEach(logger -> logger.detachAppender(appender));
  }
}
