package dev.trellis.lattice;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BinaryOperator;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/// An immutable sorted map that shares structure between versions, so that a lattice of n parts is
/// changed in O(log n) and two states that differ in d parts merge in about O(d log n): subtrees
/// that both share are recognised by identity and skipped.
///
/// A treap: a binary search tree by key and a heap by priorities drawn at random, hence balanced
/// with high probability whatever the keys and the order of insertion. A priority computed from the
/// key would do too, but keys come from outside, and equal hashes would make a list of the tree.
/// The shape never shows, so the randomness does not touch anybody's determinism.
///
/// Rejected: copying sorted arrays (O(n) an update, quadratic when a large set is built one element
/// at a time), `java.util.TreeMap` behind a copy (the same), a hash trie (no order, which scans,
/// canonical encoding and ranges need).
///
/// @param <K> compared by its natural order, which must agree with `equals`
/// @see "Seidel and Aragon, Randomized Search Trees, Algorithmica 1996"
/// @see "Blelloch, Ferizovic, Sun, Just Join for Parallel Ordered Sets, SPAA 2016"
final class PersistentMap<K extends Comparable<K>, V> implements Iterable<Map.Entry<K, V>> {
  /// What one association adds to [#weight].
  interface Weigher<K, V> {
    long weigh(K key, V value);

    /// What it adds to [#parts].
    default int parts(K key, V value) {
      return 1;
    }
  }

  private record Node<K, V>(
      K key,
      V value,
      int priority,
      @Nullable Node<K, V> left,
      @Nullable Node<K, V> right,
      int size,
      int parts,
      long weight)
      implements Map.Entry<K, V> {
    @Override
    public K getKey() {
      return key;
    }

    @Override
    public V getValue() {
      return value;
    }

    @Override
    public V setValue(V ignored) {
      throw new UnsupportedOperationException("a persistent map does not change");
    }
  }

  private record Split<K, V>(
      @Nullable Node<K, V> left, @Nullable Node<K, V> middle, @Nullable Node<K, V> right) {}

  private final Weigher<K, V> weigher;
  private final @Nullable Node<K, V> root;

  private PersistentMap(Weigher<K, V> weigher, @Nullable Node<K, V> root) {
    this.weigher = weigher;
    this.root = root;
  }

  static <K extends Comparable<K>, V> PersistentMap<K, V> empty(Weigher<K, V> weigher) {
    return new PersistentMap<>(weigher, null);
  }

  int size() {
    return size(root);
  }

  boolean isEmpty() {
    return root == null;
  }

  /// The sum of what the weigher says of each association. O(1).
  long weight() {
    return root == null ? 0 : root.weight;
  }

  /// The sum of the parts of each association, as [Lattice#parts] counts them. O(1).
  int parts() {
    return root == null ? 0 : root.parts;
  }

  /// The value of a key, or null. O(log n).
  @Nullable V find(K key) {
    Node<K, V> node = root;
    while (node != null) {
      int order = key.compareTo(node.key);
      if (order == 0) {
        return node.value;
      }
      node = order < 0 ? node.left : node.right;
    }
    return null;
  }

  /// The object that stands for a key here, or null. Keys that are equal need not be one object;
  /// who keeps many references to a key saves memory by this. O(log n).
  @Nullable K keyLike(K key) {
    Node<K, V> node = root;
    while (node != null) {
      int order = key.compareTo(node.key);
      if (order == 0) {
        return node.key;
      }
      node = order < 0 ? node.left : node.right;
    }
    return null;
  }

  boolean contains(K key) {
    return find(key) != null;
  }

  /// This map with the association added or replaced. O(log n).
  PersistentMap<K, V> with(K key, V value) {
    Node<K, V> single = node(key, value, ThreadLocalRandom.current().nextInt(), null, null);
    return new Union((mine, theirs) -> theirs).withAll(single);
  }

  /// This map with the associations added or replaced. For n of them added to nothing, O(n) time
  /// and memory if they come in key order, else O(n log n) time: adding them one by one would copy
  /// a path each, which for a large state means seconds and gigabytes.
  PersistentMap<K, V> withAll(Map<K, V> associations) {
    List<Map.Entry<K, V>> sorted = new ArrayList<>(associations.entrySet());
    sorted.sort(Map.Entry.comparingByKey());
    @Nullable Node<K, V> built = balanced(sorted, 0, sorted.size(), 1);
    return new Union((mine, theirs) -> theirs).withAll(built);
  }

  /// The tree of a part of a sorted list. Its priorities are distributed as if each node had drawn
  /// its own: the root has the greatest of all that are in the tree, so that what is added or
  /// removed later keeps the balance.
  ///
  /// @param ceiling above the priorities, 0 to 1
  private @Nullable Node<K, V> balanced(
      List<Map.Entry<K, V>> sorted, int from, int to, double ceiling) {
    if (from == to) {
      return null;
    }
    // The distribution of the greatest of n draws, each uniform below the ceiling.
    double greatest =
        ceiling * Math.pow(ThreadLocalRandom.current().nextDouble(), 1.0 / (to - from));
    int middle = (from + to) >>> 1;
    return node(
        sorted.get(middle).getKey(),
        sorted.get(middle).getValue(),
        (int) (Integer.MIN_VALUE + (long) (greatest * 0x1p32)),
        balanced(sorted, from, middle, greatest),
        balanced(sorted, middle + 1, to, greatest));
  }

  /// This map without the key. O(log n).
  PersistentMap<K, V> without(K key) {
    return rooted(remove(root, key));
  }

  /// The associations with keys less than `end`. O(log n).
  PersistentMap<K, V> below(K end) {
    return rooted(split(root, end).left);
  }

  /// The associations with keys of `start` or more. O(log n).
  PersistentMap<K, V> from(K start) {
    Split<K, V> split = split(root, start);
    return rooted(joined(split.middle == null ? null : single(split.middle), split.right));
  }

  /// A map of nothing that weighs as this one does.
  PersistentMap<K, V> none() {
    return empty(weigher);
  }

  /// This map in ranges of successive keys, none of which weighs more than asked for unless it has
  /// but one key. Lazily; a range costs a walk over it and O(log n) of memory.
  ///
  /// @param weightPerKey counts for each key besides what it weighs here
  Stream<PersistentMap<K, V>> ranges(long weightMax, int weightPerKey) {
    Iterator<PersistentMap<K, V>> cut =
        new Iterator<>() {
          private @Nullable Node<K, V> rest = root;

          @Override
          public boolean hasNext() {
            return rest != null;
          }

          @Override
          public PersistentMap<K, V> next() {
            Iterator<Map.Entry<K, V>> walk = new Walk<>(rest, null, true, false);
            long weight = 0;
            boolean first = true;
            while (walk.hasNext()) {
              Map.Entry<K, V> one = walk.next();
              weight += weightPerKey + weigher.weigh(one.getKey(), one.getValue());
              if (weight > weightMax && !first) {
                Split<K, V> split = split(rest, one.getKey());
                rest = joined(split.middle == null ? null : single(split.middle), split.right);
                return new PersistentMap<>(weigher, split.left);
              }
              first = false;
            }
            if (first) {
              throw new NoSuchElementException("cut past the end");
            }
            PersistentMap<K, V> last = new PersistentMap<>(weigher, rest);
            rest = null;
            return last;
          }
        };
    return StreamSupport.stream(
        Spliterators.spliteratorUnknownSize(cut, Spliterator.ORDERED), false);
  }

  private Node<K, V> single(Node<K, V> node) {
    return with(node, node.value, null, null);
  }

  /// The union; where both have a key, `combine.apply(mine, theirs)` decides. `combine` must be
  /// idempotent, as subtrees that both maps share are taken as they are, and should return `mine`
  /// itself where that is the result. If it always does, and no key is new, so does this.
  PersistentMap<K, V> merge(PersistentMap<K, V> other, BinaryOperator<V> combine) {
    return new Union(combine).withAll(other.root);
  }

  /// All associations in key order.
  @Override
  public Iterator<Map.Entry<K, V>> iterator() {
    return new Walk<>(root, null, true, false);
  }

  /// The associations with keys from `from` (inclusive) on, in key order; null for all. O(log n) to
  /// start, O(1) amortised a step.
  Iterator<Map.Entry<K, V>> ascending(@Nullable K from) {
    return new Walk<>(root, from, true, false);
  }

  /// The associations with keys down from `from`, in reverse order; null for all.
  ///
  /// @param exclusive whether to leave out `from` itself
  Iterator<Map.Entry<K, V>> descending(@Nullable K from, boolean exclusive) {
    return new Walk<>(root, from, false, exclusive);
  }

  @Override
  public boolean equals(Object other) {
    if (this == other) {
      return true;
    }
    if (!(other instanceof PersistentMap<?, ?> map) || map.size() != size()) {
      return false;
    }
    Iterator<? extends Map.Entry<?, ?>> theirs = map.iterator();
    for (Map.Entry<K, V> mine : this) {
      Map.Entry<?, ?> their = theirs.next();
      if (!mine.getKey().equals(their.getKey()) || !mine.getValue().equals(their.getValue())) {
        return false;
      }
    }
    return true;
  }

  @Override
  public int hashCode() {
    int hash = 1;
    for (Map.Entry<K, V> association : this) {
      hash = 31 * hash + Objects.hash(association.getKey(), association.getValue());
    }
    return hash;
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder("{");
    for (Map.Entry<K, V> association : this) {
      text.append(text.length() > 1 ? ", " : "");
      text.append(association.getKey()).append('=').append(association.getValue());
    }
    return text.append('}').toString();
  }

  private PersistentMap<K, V> rooted(@Nullable Node<K, V> newRoot) {
    return newRoot == root ? this : new PersistentMap<>(weigher, newRoot);
  }

  private static int size(@Nullable Node<?, ?> node) {
    return node == null ? 0 : node.size;
  }

  private Node<K, V> node(
      K key, V value, int priority, @Nullable Node<K, V> left, @Nullable Node<K, V> right) {
    return new Node<>(
        key,
        value,
        priority,
        left,
        right,
        1 + size(left) + size(right),
        weigher.parts(key, value)
            + (left == null ? 0 : left.parts)
            + (right == null ? 0 : right.parts),
        weigher.weigh(key, value)
            + (left == null ? 0 : left.weight)
            + (right == null ? 0 : right.weight));
  }

  private Node<K, V> with(
      Node<K, V> node, V value, @Nullable Node<K, V> left, @Nullable Node<K, V> right) {
    return node.value == value && node.left == left && node.right == right
        ? node
        : node(node.key, value, node.priority, left, right);
  }

  /// One union of this map with another.
  private final class Union {
    private final BinaryOperator<V> combine;

    // Identity of the tree does not tell: the other tree's nodes come to the top where their
    // priorities are higher, though they hold what was here already.
    private boolean broughtNew;

    Union(BinaryOperator<V> combine) {
      this.combine = combine;
    }

    PersistentMap<K, V> withAll(@Nullable Node<K, V> others) {
      Node<K, V> union = union(root, others);
      return broughtNew ? rooted(union) : PersistentMap.this;
    }

    private @Nullable Node<K, V> union(@Nullable Node<K, V> mine, @Nullable Node<K, V> theirs) {
      if (mine == theirs || theirs == null) {
        return mine;
      }
      if (mine == null) {
        broughtNew = true;
        return theirs;
      }
      if (mine.priority >= theirs.priority) {
        Split<K, V> split = split(theirs, mine.key);
        V value = split.middle == null ? mine.value : combined(mine.value, split.middle.value);
        return with(mine, value, union(mine.left, split.left), union(mine.right, split.right));
      }
      Split<K, V> split = split(mine, theirs.key);
      if (split.middle == null) {
        broughtNew = true;
      }
      V value = split.middle == null ? theirs.value : combined(split.middle.value, theirs.value);
      return with(theirs, value, union(split.left, theirs.left), union(split.right, theirs.right));
    }

    private V combined(V mine, V theirs) {
      V value = mine == theirs ? mine : combine.apply(mine, theirs);
      broughtNew |= value != mine;
      return value;
    }
  }

  private Split<K, V> split(@Nullable Node<K, V> node, K key) {
    if (node == null) {
      return new Split<>(null, null, null);
    }
    int order = key.compareTo(node.key);
    if (order == 0) {
      return new Split<>(node.left, node, node.right);
    }
    if (order < 0) {
      Split<K, V> split = split(node.left, key);
      return new Split<>(split.left, split.middle, with(node, node.value, split.right, node.right));
    }
    Split<K, V> split = split(node.right, key);
    return new Split<>(with(node, node.value, node.left, split.left), split.middle, split.right);
  }

  private @Nullable Node<K, V> remove(@Nullable Node<K, V> node, K key) {
    if (node == null) {
      return null;
    }
    int order = key.compareTo(node.key);
    if (order == 0) {
      return joined(node.left, node.right);
    }
    return order < 0
        ? with(node, node.value, remove(node.left, key), node.right)
        : with(node, node.value, node.left, remove(node.right, key));
  }

  /// Joins two trees, all keys of `left` being below all keys of `right`.
  private @Nullable Node<K, V> joined(@Nullable Node<K, V> left, @Nullable Node<K, V> right) {
    if (left == null || right == null) {
      return left == null ? right : left;
    }
    return left.priority >= right.priority
        ? with(left, left.value, left.left, joined(left.right, right))
        : with(right, right.value, joined(left, right.left), right.right);
  }

  /// An in-order walk over an immutable tree: the path of nodes still to visit is all its state.
  private static final class Walk<K extends Comparable<K>, V> implements Iterator<Map.Entry<K, V>> {
    private final Deque<Node<K, V>> path = new ArrayDeque<>();
    private final boolean ascending;

    Walk(@Nullable Node<K, V> root, @Nullable K from, boolean ascending, boolean exclusive) {
      this.ascending = ascending;
      Node<K, V> node = root;
      while (node != null) {
        int order = from == null ? (ascending ? -1 : 1) : from.compareTo(node.key);
        boolean wanted = ascending ? order < 0 : order > 0;
        if (wanted || (order == 0 && !exclusive)) {
          path.push(node);
        }
        if (order == 0 && !exclusive) {
          break;
        }
        boolean left = ascending ? wanted : !wanted;
        node = left ? node.left : node.right;
      }
    }

    @Override
    public boolean hasNext() {
      return !path.isEmpty();
    }

    @Override
    public Map.Entry<K, V> next() {
      if (path.isEmpty()) {
        throw new NoSuchElementException("walked past the end");
      }
      Node<K, V> visited = path.pop();
      Node<K, V> node = ascending ? visited.right : visited.left;
      while (node != null) {
        path.push(node);
        node = ascending ? node.left : node.right;
      }
      return visited;
    }
  }

  /// Keys only, read-only, for accessors.
  static <K extends Comparable<K>> Iterable<K> keysOf(PersistentMap<K, ?> map) {
    return () -> {
      Iterator<? extends Map.Entry<K, ?>> walk = map.iterator();
      return new Iterator<>() {
        @Override
        public boolean hasNext() {
          return walk.hasNext();
        }

        @Override
        public K next() {
          return walk.next().getKey();
        }
      };
    };
  }
}
