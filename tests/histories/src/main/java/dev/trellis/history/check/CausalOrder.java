package dev.trellis.history.check;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import dev.trellis.history.Operation;
import dev.trellis.history.edn.Edn;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
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
/// `[k v]`, v nil if there is nothing. Many keys.
///
/// | anomaly | what it is |
/// |---|---|
/// | `overwritten` | a read of a value that another write to the key, causally between, had replaced |
/// | `missing` | a read of nothing, though a write to the key comes causally before and nothing was deleted |
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
    final @Nullable Object value; // written or read
    final int session;
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
    private int sessions;
    private long readsFromOthers;

    Analysis(History history) {
      Set<Version> seen = new HashSet<>();
      for (Call read : history.calls("read")) {
        if (read.isOk()) {
          seen.add(version(Forms.completion(read)));
        }
      }
      for (List<Call> calls : Forms.bySession(history.calls()).values()) {
        int place = 0;
        for (Call call : calls) {
          place += addNode(call, place, seen) ? 1 : 0;
        }
        sessions++;
      }
    }

    private boolean addNode(Call call, int place, Set<Version> seen) {
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
      Node node = new Node(call, asked.key, delete ? null : told.value, sessions, place);
      nodes.add(node);
      if (write && writers.put(asked, node) != null) {
        throw Forms.wrong(
            call.invoke(), "the value is written twice to its key; each should be written once");
      }
      if (!node.isRead()) {
        writes
            .computeIfAbsent(node.key, key -> new HashMap<>())
            .computeIfAbsent(node.session, session -> new TreeMap<>())
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
      for (int i = 1; i < nodes.size(); i++) {
        if (nodes.get(i).session == nodes.get(i - 1).session) {
          precede(nodes.get(i - 1), nodes.get(i));
        }
      }
      for (Node node : nodes) {
        if (node.isRead() && node.value != null) {
          readFrom(node);
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
      details.put("sessions", (long) sessions);
      details.put("reads-from-others", readsFromOthers);
      return CheckResult.of(anomalies, readsFromOthers == 0, details);
    }

    private static void precede(Node before, Node after) {
      before.next.add(after);
      after.waiting++;
    }

    private void readFrom(Node read) {
      Version version = new Version(read.key, read.value);
      Node writer = writers.get(version);
      if (writer != null) {
        precede(writer, read);
        readsFromOthers += writer.session != read.session ? 1 : 0;
        return;
      }
      Call refused = failed.get(version);
      String what = Edn.write(read.value) + " is read of the key " + Edn.write(read.key);
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
      Node writer = writers.get(new Version(read.key, read.value));
      if (read.value == null ? deletedKeys.contains(read.key) : writer == null) {
        return;
      }
      for (Map.Entry<Integer, TreeMap<Integer, Node>> ofSession :
          writes.getOrDefault(read.key, Map.of()).entrySet()) {
        // Of a session's writes in the past of the read, the last follows all others.
        Map.Entry<Integer, Node> last =
            ofSession.getValue().lowerEntry(read.past[ofSession.getKey()]);
        if (last == null) {
          continue;
        }
        Node other = last.getValue();
        if (writer == null) {
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
        if (writer.isCausallyBefore(other)) {
          anomalies.add(
              new Anomaly(
                  "overwritten",
                  Edn.write(read.value)
                      + " is read of the key "
                      + Edn.write(read.key)
                      + ", though "
                      + other.call.invoke()
                      + " comes causally between",
                  Forms.operations(writer.call, other.call, read.call)));
          return;
        }
      }
    }
  }
}
