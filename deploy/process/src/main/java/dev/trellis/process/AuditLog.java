package dev.trellis.process;

import dev.trellis.lattice.VisibleText;
import java.time.Instant;
import java.time.InstantSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What administrators did, and who was refused: a line of JSON each, in the logs [#NAME] and
/// [#REFUSED]. Lines have no values and no secrets; names that came from outside are escaped, so
/// that none can end a line or look like another. For any thread.
///
/// Refusals come as fast as somebody makes them: beyond [#REFUSALS_MAX] in a second they are
/// counted, and the count is a line of its own. They have a log of their own, of which only so much
/// is kept, so that however many there are, none takes the place of what an administrator did.
public final class AuditLog {
  /// The name of the log of what administrators did, for its settings.
  public static final String NAME = "dev.trellis.audit";

  /// The name of the log of refusals, likewise.
  public static final String REFUSED = NAME + ".refused";

  static final int REFUSALS_MAX = 100;
  private static final int TEXT_MAX = 256;
  private static final Logger ACTIONS = LoggerFactory.getLogger(NAME);
  private static final Logger REFUSALS = LoggerFactory.getLogger(REFUSED);

  private final String process;
  private final InstantSource clock;
  private long second; // under the lock of this, as what follows
  private int refusals;
  private long untold;

  /// Writes of one process.
  ///
  /// @param process such as `node n1`
  public AuditLog(String process, InstantSource clock) {
    this.process = process;
    this.clock = clock;
  }

  /// Somebody did not get what he asked for.
  ///
  /// @param principal who, as far as that is known
  /// @param action what he wanted, such as `connect` or `put`
  /// @param target of it, such as a key; empty if there is none
  /// @param from where he is, such as `10.0.0.7:4711`
  /// @param reason why not
  public void refused(String principal, String action, String target, String from, String reason) {
    long left;
    synchronized (this) {
      long now = clock.instant().getEpochSecond();
      left = 0;
      if (now != second) {
        left = untold;
        second = now;
        refusals = 0;
        untold = 0;
      }
      if (++refusals > REFUSALS_MAX) {
        untold++;
        return;
      }
    }
    if (left > 0) {
      write(REFUSALS, "refusals-not-told", "", "", "", "", Long.toString(left));
    }
    write(REFUSALS, "refused", principal, action, target, from, reason);
  }

  /// An administrator did something, or tried to.
  ///
  /// @param outcome such as `done`
  public void administered(
      String principal, String action, String target, String from, String outcome) {
    write(ACTIONS, "administered", principal, action, target, from, outcome);
  }

  private void write(
      Logger to,
      String event,
      String principal,
      String action,
      String target,
      String from,
      String outcome) {
    to.info(line(clock.instant(), event, principal, action, target, from, outcome));
  }

  String line(
      Instant time,
      String event,
      String principal,
      String action,
      String target,
      String from,
      String outcome) {
    StringBuilder line = new StringBuilder(200);
    line.append("{\"time\":\"").append(time).append('"');
    add(line, "process", process);
    add(line, "event", event);
    add(line, "principal", principal);
    add(line, "action", action);
    add(line, "target", target);
    add(line, "from", from);
    add(line, "outcome", outcome);
    return line.append('}').toString();
  }

  private static void add(StringBuilder line, String name, String text) {
    if (text.isEmpty()) {
      return;
    }
    line.append(",\"").append(name).append("\":\"");
    int length = Math.min(text.length(), TEXT_MAX);
    line.append(
        VisibleText.ascii(text.substring(0, length)).replace("\\", "\\\\").replace("\"", "\\\""));
    line.append(length < text.length() ? "…\"" : "\"");
  }
}
