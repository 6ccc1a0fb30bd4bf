package dev.trellis.access;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/// Roles by prefix of keys, as a radix tree: a look-up follows the key, and so costs about the same
/// however many prefixes there are. Immutable.
final class PrefixTree {
  private static final class Node {
    private final SortedMap<Byte, Node> next = new TreeMap<>();
    private int roles;
  }

  // Nodes are numbered breadth first, so that the children of each come one after the other; the
  // root is 0. What leads to a node from its parent is its text.
  private final byte[] texts;
  private final int[] textAt; // by node; that of the next node comes after its own
  private final int[] firstChild; // by node; those of the next node come after its own
  private final int[] roles; // by node, as bits

  /// @param prefixes which may be there several times
  /// @param roles of each
  PrefixTree(List<byte[]> prefixes, List<Integer> roles) {
    Node root = new Node();
    for (int number = 0; number < prefixes.size(); number++) {
      Node node = root;
      for (byte label : prefixes.get(number)) {
        node = node.next.computeIfAbsent(label, ignored -> new Node());
      }
      node.roles |= roles.get(number);
    }
    List<Node> nodes = new ArrayList<>(List.of(root));
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    List<Integer> textAts = new ArrayList<>(List.of(0, 0));
    List<Integer> firstChildren = new ArrayList<>();
    for (int at = 0; at < nodes.size(); at++) {
      firstChildren.add(nodes.size());
      nodes
          .get(at)
          .next
          .forEach(
              (label, child) -> {
                text.write(label);
                Node end = child;
                while (end.roles == 0 && end.next.size() == 1) {
                  text.write(end.next.firstKey());
                  end = end.next.firstEntry().getValue();
                }
                textAts.add(text.size());
                nodes.add(end);
              });
    }
    firstChildren.add(nodes.size());
    this.texts = text.toByteArray();
    this.textAt = textAts.stream().mapToInt(Integer::intValue).toArray();
    this.firstChild = firstChildren.stream().mapToInt(Integer::intValue).toArray();
    this.roles = nodes.stream().mapToInt(node -> node.roles).toArray();
  }

  /// Whether prefixes of a key have all of these roles together.
  boolean covers(int wanted, byte[] source, int at, int length) {
    int node = 0;
    int place = at;
    int left = length;
    int found = roles[0];
    while ((found & wanted) != wanted) {
      int child = firstChild[node];
      int end = firstChild[node + 1];
      if (left == 0) {
        return false;
      }
      byte label = source[place];
      while (child < end && texts[textAt[child]] != label) {
        child++;
      }
      if (child == end) {
        return false;
      }
      int from = textAt[child];
      int size = textAt[child + 1] - from;
      if (size > left) {
        return false;
      }
      if (!Arrays.equals(source, place, place + size, texts, from, from + size)) {
        return false;
      }
      place += size;
      left -= size;
      node = child;
      found |= roles[node];
    }
    return true;
  }

  /// Whether no prefix has a role.
  boolean isEmpty() {
    return roles.length == 1 && roles[0] == 0;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof PrefixTree tree
        && Arrays.equals(texts, tree.texts)
        && Arrays.equals(textAt, tree.textAt)
        && Arrays.equals(firstChild, tree.firstChild)
        && Arrays.equals(roles, tree.roles);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(texts) + Arrays.hashCode(roles);
  }
}
