package dev.trellis.history.check;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import dev.trellis.history.Operation;
import dev.trellis.history.edn.Edn;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Causal consistency: who has seen an effect sees its causes.
///
/// One call comes causally before another if a session (see [ReadYourWrites]) made it before, if
/// the other read what it wrote, or by any chain of these.
///
/// Form: `:write [k v]`, each v written to k once and not nil; `:delete [k nil]`; `:read [k nil]` →
/// `[k v]`, v nil if there is nothing; or `[k #{v …}]` for registers that keep concurrent values
/// side by side, of which a session reads the key before it writes it. Many keys. What follows on a
/// write of unknown outcome in its session does not come causally after it.
///
/// | anomaly | what it is |
/// |---|---|
/// | `overwritten` | a read of a value that another write to the key, causally between, had replaced |
/// | `missing` | a read of nothing, though a write to the key comes causally before and nothing was deleted |
/// | `lost` | a read of values side by side, none of which is, or has replaced, a write to the key that comes causally before |
/// | `cycle` | calls that come causally before themselves |
/// | `unexpected`, `failed-write` | a read of what nobody wrote, or whose write failed |
///
/// Invalid: any of these. Unknown: nobody has read what another session wrote. Memory is four bytes
/// for each call and session.
///
/// @see "Ahamad et al., Causal Memory, Distributed Computing 1995"
/// @see "Bouajjani et al., On Verifying Causal Consistency, POPL 2017, §5"
public final class CausalOrder implements Checker {
  @Override
  public String name() {
    return "causal";
  }

  @Override
  public CheckResult check(History history) {
    return new Analysis(history).result();
  }

  private record Version(@Nullable Object key, @Nullable Object value) {}

  /// One call that happened.
  private static final class Node {
    final Call call;
    final @Nullable Object key;
    final @Nullable Object value; // written or read; of values side by side a set
    final int session; // or a number of its own, where nobody knows whether it happened by then
    final int place; // in its session
    int[]
        past = {}; // of each session, how many calls come causally before this one, itself included
    int waiting; // for calls before it
    final List<Node> next = new ArrayList<>();

    Node(Call call, @Nullable Object key, @Nullable Object value, int session, int place) {
      this.call = call;
      this.key = key;
      this.value = value;
      this.session = session;
      this.place = place;
    }

    boolean isRead() {
      return call.isAbout("read");
    }

    /// What was read, one by one.
    Collection<?> values() {
      if (value instanceof Set<?> siblings) {
        return siblings;
      }
      return value == null ? List.of() : List.of(value);
    }

    boolean isCausallyBefore(Node other) {
      return this != other && other.past[session] > place;
    }
  }

  private static final class Analysis {
    private final Map<Version, Node> writers = new HashMap<>();
    private final Map<Version, Call> failed = new HashMap<>();
    private final List<Node> nodes = new ArrayList<>();
    private final Set<@Nullable Object> deletedKeys = new HashSet<>();

    /// Of each key, by session, the writes and deletes by their places.
    private final Map<@Nullable Object, Map<Integer, TreeMap<Integer, Node>>> writes =
        new HashMap<>();

    private final List<Anomaly> anomalies = new ArrayList<>();
    private int sessions; // by their numbers, those of single calls among them
    private long namedSessions;
    private long readsFromOthers;

    Analysis(History history) {
      Set<Version> seen = new HashSet<>();
      for (Call read : history.calls("read")) {
        if (read.isOk()) {
          Version told = version(Forms.completion(read));
          if (told.value instanceof Set<?> siblings) {
            siblings.forEach(value -> seen.add(new Version(told.key, value)));
          } else {
            seen.add(told);
          }
        }
      }
      for (List<Call> calls : Forms.bySession(history.calls()).values()) {
        int place = 0;
        int session = sessions++;
        namedSessions++;
        Node last = null; // that has happened when the next call is made
        for (Call call : calls) {
          int before = nodes.size();
          boolean unknown = !call.isOk();
          if (!addNode(call, unknown ? sessions : session, unknown ? 0 : place, seen)) {
            continue;
          }
          Node added = nodes.get(before);
          if (last != null) {
            precede(last, added);
          }
          if (unknown) {
            sessions++;
          } else {
            last = added;
            place++;
          }
        }
      }
    }

    private boolean addNode(Call call, int session, int place, Set<Version> seen) {
      boolean write = call.isAbout("write");
      boolean delete = call.isAbout("delete");
      if (!write && !delete && !call.isAbout("read")) {
        return false;
      }
      Version asked = version(call.invoke());
      if (write && asked.value == null) {
        throw Forms.wrong(call.invoke(), "a written value should not be nil");
      }
      if (delete && !call.isFailed()) {
        deletedKeys.add(asked.key);
      }
      if (write && call.isFailed()) {
        failed.put(asked, call);
      }
      // A write of unknown outcome happened if somebody has read it.
      if (!call.isOk() && !(write && call.isUnknown() && seen.contains(asked))) {
        return false;
      }
      Version told = call.isAbout("read") ? version(Forms.completion(call)) : asked;
      Node node = new Node(call, asked.key, delete ? null : told.value, session, place);
      nodes.add(node);
      if (write && writers.put(asked, node) != null) {
        throw Forms.wrong(
            call.invoke(), "the value is written twice to its key; each should be written once");
      }
      if (!node.isRead()) {
        writes
            .computeIfAbsent(node.key, key -> new HashMap<>())
            .computeIfAbsent(session, fresh -> new TreeMap<>())
            .put(place, node);
      }
      return true;
    }

    private static Version version(Operation operation) {
      if (operation.value() instanceof List<?> pair && pair.size() == 2) {
        return new Version(pair.get(0), pair.get(1));
      }
      throw Forms.wrong(operation, "the value should be a vector [key value]");
    }

    CheckResult result() {
      for (Node node : nodes) {
        if (node.isRead()) {
          node.values().forEach(value -> readFrom(node, value));
        }
      }
      List<Node> ordered = inCausalOrder();
      if (ordered.size() < nodes.size()) {
        Set<Node> cyclic = new HashSet<>(nodes);
        ordered.forEach(cyclic::remove);
        anomalies.add(
            new Anomaly(
                "cycle",
                cyclic.size() + " calls come causally before themselves, or after such calls",
                Forms.operations(
                    nodes.stream()
                        .filter(cyclic::contains)
                        .limit(10)
                        .map(node -> node.call)
                        .toArray(Call[]::new))));
      }
      ordered.stream().filter(Node::isRead).forEach(this::checkRead);
      Map<String, @Nullable Object> details = new LinkedHashMap<>();
      details.put("sessions", namedSessions);
      details.put("reads-from-others", readsFromOthers);
      return CheckResult.of(anomalies, readsFromOthers == 0, details);
    }

    private static void precede(Node before, Node after) {
      before.next.add(after);
      after.waiting++;
    }

    private void readFrom(Node read, Object value) {
      Version version = new Version(read.key, value);
      Node writer = writers.get(version);
      if (writer != null) {
        precede(writer, read);
        readsFromOthers += writer.session != read.session ? 1 : 0;
        return;
      }
      Call refused = failed.get(version);
      String what = Edn.write(value) + " is read of the key " + Edn.write(read.key);
      anomalies.add(
          refused != null
              ? new Anomaly(
                  "failed-write",
                  what + ", and its write had failed",
                  Forms.operations(refused, read.call))
              : new Anomaly(
                  "unexpected", what + ", and nobody wrote it", Forms.operations(read.call)));
    }

    /// All calls but those in cycles and after them, with their pasts.
    private List<Node> inCausalOrder() {
      List<Node> ordered = new ArrayList<>();
      Deque<Node> ready = new ArrayDeque<>();
      for (Node node : nodes) {
        node.past = new int[sessions];
        if (node.waiting == 0) {
          ready.add(node);
        }
      }
      while (!ready.isEmpty()) {
        Node node = ready.poll();
        node.past[node.session] = node.place + 1;
        ordered.add(node);
        for (Node next : node.next) {
          Arrays.setAll(next.past, s -> Math.max(next.past[s], node.past[s]));
          if (--next.waiting == 0) {
            ready.add(next);
          }
        }
      }
      return ordered;
    }

    private void checkRead(Node read) {
      List<Node> writersOf = new ArrayList<>(); // of what was read
      for (Object value : read.values()) {
        Node writer = writers.get(new Version(read.key, value));
        if (writer != null) {
          writersOf.add(writer);
        }
      }
      boolean nothing = read.values().isEmpty();
      if (nothing ? deletedKeys.contains(read.key) : writersOf.isEmpty()) {
        return;
      }
      boolean sideBySide = read.value instanceof Set<?>;
      for (Map.Entry<Integer, TreeMap<Integer, Node>> ofSession :
          writes.getOrDefault(read.key, Map.of()).entrySet()) {
        // Of a session's writes in the past of the read, the last follows all others.
        Map.Entry<Integer, Node> last =
            ofSession.getValue().lowerEntry(read.past[ofSession.getKey()]);
        if (last == null) {
          continue;
        }
        Node other = last.getValue();
        if (nothing) {
          anomalies.add(
              new Anomaly(
                  "missing",
                  "nothing is read of the key "
                      + Edn.write(read.key)
                      + ", though "
                      + other.call.invoke()
                      + " comes causally before",
                  Forms.operations(other.call, read.call)));
          return;
        }
        for (Node writer : writersOf) {
          if (writer.isCausallyBefore(other)) {
            anomalies.add(
                new Anomaly(
                    "overwritten",
                    Edn.write(writer.value)
                        + " is read of the key "
                        + Edn.write(read.key)
                        + ", though "
                        + other.call.invoke()
                        + " comes causally between",
                    Forms.operations(writer.call, other.call, read.call)));
            return;
          }
        }
        if (sideBySide
            && !deletedKeys.contains(read.key)
            && writersOf.stream()
                .noneMatch(writer -> writer == other || other.isCausallyBefore(writer))) {
          anomalies.add(
              new Anomaly(
                  "lost",
                  Edn.write(read.value)
                      + " is read of the key "
                      + Edn.write(read.key)
                      + ", none of which has replaced "
                      + other.call.invoke()
                      + ", which comes causally before",
                  Forms.operations(other.call, read.call)));
          return;
        }
      }
    }
  }
}
