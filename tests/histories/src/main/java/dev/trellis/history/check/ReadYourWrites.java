package dev.trellis.history.check;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import dev.trellis.history.edn.Edn;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A session that has written something reads that, or something newer.
///
/// Form: `:write v`, each v once and not nil; `:delete`; `:read` → v or nil. One register;
/// [EachKey] makes it many. A session is the invocation's field `:session`, or else the process.
/// Where `:ok` operations tell their `:version`, a whole number or a vector of such, an older
/// version is seen to be older; without it only the session's own earlier writes are, and nil that
/// no delete explains.
///
/// Invalid: a read of something older than the session's last acknowledged write. Unknown: no
/// session has read after it wrote.
public final class ReadYourWrites implements Checker {
  @Override
  public String name() {
    return "read-your-writes";
  }

  @Override
  public CheckResult check(History history) {
    Forms.writers(history);
    List<Call> deletes =
        history.calls("delete").stream().filter(delete -> !delete.isFailed()).toList();
    List<Anomaly> anomalies = new ArrayList<>();
    long judged = 0;
    for (List<Call> session : Forms.bySession(history.calls()).values()) {
      List<Call> own = new ArrayList<>(); // writes and deletes so far
      Optional<Call> last = Optional.empty(); // of those, acknowledged
      for (Call call : session) {
        if (call.isFailed()) {
          continue;
        }
        if (call.isAbout("write") || call.isAbout("delete")) {
          own.add(call);
          last = call.isOk() ? Optional.of(call) : last;
        } else if (call.isAbout("read") && call.isOk() && last.isPresent()) {
          judged++;
          String older = older(call, last.get(), own, deletes);
          if (!older.isEmpty()) {
            anomalies.add(
                new Anomaly(
                    "stale-own",
                    "a session wrote "
                        + Edn.write(last.get().argument())
                        + " and then read "
                        + older,
                    Forms.operations(last.get(), call)));
          }
        }
      }
    }
    Map<String, @Nullable Object> details = new LinkedHashMap<>();
    details.put("judged-reads", judged);
    return CheckResult.of(anomalies, judged == 0, details);
  }

  /// What was read, if it is older than the last write of its session; else nothing.
  private static String older(Call read, Call last, List<Call> own, List<Call> deletes) {
    Object value = read.result();
    Object versionRead = Forms.completion(read).extra("version");
    Object versionWritten = Forms.completion(last).extra("version");
    if (versionRead != null && versionWritten != null) {
      return Forms.compareVersions(versionRead, versionWritten) < 0
          ? Edn.write(value) + " of version " + Edn.write(versionRead)
          : "";
    }
    int lastAt = own.indexOf(last);
    if (value != null) {
      boolean earlier =
          own.subList(0, lastAt).stream()
              .anyMatch(write -> write.isAbout("write") && value.equals(write.argument()));
      return earlier ? Edn.write(value) + ", which it had written before" : "";
    }
    boolean explained =
        deletes.stream()
            .filter(delete -> delete.invokedAt() < read.completedAt())
            .anyMatch(delete -> !own.subList(0, lastAt).contains(delete));
    return explained ? "" : "nil, though nobody has deleted it";
  }
}
