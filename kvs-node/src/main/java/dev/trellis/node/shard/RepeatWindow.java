package dev.trellis.node.shard;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Remembers which mutations were carried out, by client and sequence, so that a repeat is
/// recognised.
///
/// Clients choose their ids, and who reads what they wrote can learn them. So each principal has
/// clients of his own here: nobody can use up the sequences of another's, whose next mutations
/// would be taken for repeats.
///
/// Per client a window of the last [#WIDTH] sequences, not only the greatest: replies are lost and
/// requests pass each other, so a lower sequence may well be new. What lies below the window, or
/// comes as a repeat from a client no longer remembered, can't be told.
final class RepeatWindow {
  /// What is known of a mutation.
  enum Verdict {
    /// It was not carried out.
    NEW,
    /// It was.
    SEEN,
    /// It may or may not have been.
    UNKNOWN
  }

  /// Sequences remembered per client; clients keep fewer than this unanswered.
  static final int WIDTH = 4_096;

  private static final class Window {
    private final long[] seen = new long[WIDTH / Long.SIZE]; // a bit per sequence modulo WIDTH
    private long highest; // bits above highest - WIDTH and up to highest are meaningful

    /// Lower ones may have been carried out before the client was forgotten. It is the first that
    /// came here for the first time: first sendings come in order, repeats in any.
    private long since;

    Window(boolean afterForgetting) {
      this.since = afterForgetting ? Long.MAX_VALUE : 0;
    }

    boolean mayPredate(long sequence) {
      return sequence < since;
    }

    void startAt(long sequence) {
      if (since == Long.MAX_VALUE) {
        since = sequence;
      }
    }

    boolean isBelow(long sequence) {
      return sequence <= highest - WIDTH;
    }

    boolean contains(long sequence) {
      return sequence <= highest && (seen[word(sequence)] & bit(sequence)) != 0;
    }

    void add(long sequence) {
      if (isBelow(sequence)) {
        return; // its bit stands for a later sequence by now
      }
      if (sequence - highest >= WIDTH) {
        Arrays.fill(seen, 0);
      } else if (sequence > highest) { // else the next above the highest might be no number
        for (long skipped = highest + 1; skipped < sequence; skipped++) {
          seen[word(skipped)] &= ~bit(skipped);
        }
      }
      highest = Math.max(highest, sequence);
      seen[word(sequence)] |= bit(sequence);
    }

    private static int word(long sequence) {
      return (int) (sequence % WIDTH) / Long.SIZE;
    }

    private static long bit(long sequence) {
      return 1L << (sequence % Long.SIZE);
    }
  }

  private record Client(String principal, long id) {}

  private final Map<Client, Window> windows; // least recently used first
  private boolean forgot; // whether any client was ever forgotten

  // Who was asked about last, so that a client that sends many is not looked up, and counted as
  // used, for each: nobody was used later. Null if that is nobody, or forgotten.
  private @Nullable Window last;
  private long lastClient;
  private String lastPrincipal = "";

  RepeatWindow(int clientsMax) {
    windows =
        new LinkedHashMap<>(16, 0.75f, true) {
          @Override
          protected boolean removeEldestEntry(Map.Entry<Client, Window> eldest) {
            boolean full = size() > clientsMax;
            forgot |= full;
            return full;
          }
        };
  }

  /// @param sequence 1 or more
  /// @param repeat whether the client may have sent the mutation before
  Verdict verdict(String principal, long clientId, long sequence, boolean repeat) {
    Window window = find(principal, clientId);
    if (window == null) {
      return repeat && forgot ? Verdict.UNKNOWN : Verdict.NEW;
    }
    if (window.isBelow(sequence)) {
      return Verdict.UNKNOWN;
    }
    if (window.contains(sequence)) {
      return Verdict.SEEN;
    }
    return repeat && window.mayPredate(sequence) ? Verdict.UNKNOWN : Verdict.NEW;
  }

  /// Notes that the mutation was carried out.
  ///
  /// @param repeat as told to [#verdict]
  void add(String principal, long clientId, long sequence, boolean repeat) {
    Window window = find(principal, clientId);
    if (window == null) {
      window =
          windows.computeIfAbsent(new Client(principal, clientId), ignored -> new Window(forgot));
      lastClient = clientId;
      lastPrincipal = principal;
      last = window;
    }
    window.add(sequence);
    if (!repeat) {
      window.startAt(sequence);
    }
  }

  private @Nullable Window find(String principal, long clientId) {
    if (last == null || lastClient != clientId || !lastPrincipal.equals(principal)) {
      last = windows.get(new Client(principal, clientId));
      lastClient = clientId;
      lastPrincipal = principal;
    }
    return last;
  }

  int clientCount() {
    return windows.size();
  }

  /// Forgets a client, as if it had never come: a defect that tests put in.
  void forget(String principal, long clientId) {
    windows.remove(new Client(principal, clientId));
    last = null;
  }
}
