package dev.trellis.history.check;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Which transaction depends on which, and cycles among them.
final class DependencyGraph {
  /// Why one comes after another.
  enum Kind {
    /// It wrote over what the other wrote.
    WRITE_WRITE,
    /// It read what the other wrote.
    WRITE_READ
  }

  /// The second comes after the first. Transactions are numbers.
  record Edge(int from, int to, Kind kind) {}

  private final List<Set<Edge>> edges = new ArrayList<>();

  DependencyGraph(int nodes) {
    for (int i = 0; i < nodes; i++) {
      edges.add(new LinkedHashSet<>());
    }
  }

  /// Adds an edge, unless it leads from a transaction to itself.
  void add(int from, int to, Kind kind) {
    if (from != to) {
      edges.get(from).add(new Edge(from, to, kind));
    }
  }

  /// Cycles of edges of these kinds with at least one of the given kind: a short one from each
  /// strongly connected part that has any.
  List<List<Edge>> cycles(Set<Kind> kinds, Kind needed) {
    int[] components = components(kinds);
    List<List<Edge>> cycles = new ArrayList<>();
    Set<Integer> done = new LinkedHashSet<>();
    for (Set<Edge> out : edges) {
      for (Edge edge : out) {
        int component = components[edge.from];
        if (edge.kind == needed && component == components[edge.to] && !done.contains(component)) {
          done.add(component);
          path(edge.to, edge.from, kinds)
              .ifPresent(
                  path -> {
                    path.addFirst(edge);
                    cycles.add(List.copyOf(path));
                  });
        }
      }
    }
    return cycles;
  }

  /// A shortest path.
  private Optional<Deque<Edge>> path(int from, int to, Set<Kind> kinds) {
    Edge[] arrivedBy = new Edge[edges.size()];
    Deque<Integer> queue = new ArrayDeque<>(List.of(from));
    while (!queue.isEmpty()) {
      int node = queue.poll();
      if (node == to) {
        Deque<Edge> path = new ArrayDeque<>();
        for (int at = to; at != from; at = arrivedBy[at].from) {
          path.addFirst(arrivedBy[at]);
        }
        return Optional.of(path);
      }
      for (Edge edge : edges.get(node)) {
        if (kinds.contains(edge.kind) && arrivedBy[edge.to] == null && edge.to != from) {
          arrivedBy[edge.to] = edge;
          queue.add(edge.to);
        }
      }
    }
    return Optional.empty();
  }

  /// The number of each node's strongly connected part: Kosaraju's way, since it needs no
  /// recursion.
  private int[] components(Set<Kind> kinds) {
    List<List<Integer>> forward = new ArrayList<>();
    List<List<Integer>> backward = new ArrayList<>();
    for (int i = 0; i < edges.size(); i++) {
      forward.add(new ArrayList<>());
      backward.add(new ArrayList<>());
    }
    for (Set<Edge> out : edges) {
      for (Edge edge : out) {
        if (kinds.contains(edge.kind)) {
          forward.get(edge.from).add(edge.to);
          backward.get(edge.to).add(edge.from);
        }
      }
    }
    List<Integer> order = new ArrayList<>();
    boolean[] seen = new boolean[edges.size()];
    for (int node = 0; node < edges.size(); node++) {
      order.addAll(finished(node, forward, seen));
    }
    Collections.reverse(order);
    int[] components = new int[edges.size()];
    Arrays.fill(components, -1);
    boolean[] seenBack = new boolean[edges.size()];
    for (int root : order) {
      for (int node : finished(root, backward, seenBack)) {
        components[node] = root;
      }
    }
    return components;
  }

  /// All that can be reached from a node and was not seen before, each after what follows it.
  private static List<Integer> finished(int root, List<List<Integer>> next, boolean[] seen) {
    List<Integer> finished = new ArrayList<>();
    if (seen[root]) {
      return finished;
    }
    seen[root] = true;
    Deque<int[]> stack = new ArrayDeque<>(); // node, and how many of those after it were tried
    stack.push(new int[] {root, 0});
    while (!stack.isEmpty()) {
      int[] top = stack.element();
      List<Integer> after = next.get(top[0]);
      if (top[1] == after.size()) {
        finished.add(top[0]);
        stack.pop();
      } else {
        int node = after.get(top[1]++);
        if (!seen[node]) {
          seen[node] = true;
          stack.push(new int[] {node, 0});
        }
      }
    }
    return finished;
  }
}
