package dev.trellis.node.shard;

import dev.trellis.lattice.Payload;
import dev.trellis.placement.KeyHash;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/// The keys with the greatest load, found in bounded memory: Space-Saving with loads of any size.
///
/// Where Space-Saving replaces the least counter for each new key, this has room for twice as many
/// counters as it keeps, and once they are in use, throws out the lesser half: O(1) for each new
/// key, spread over those that made it necessary. What was thrown out is remembered by the greatest
/// load of it, the *floor*, which each new key begins with, as it may be one of those. So for each
/// counter, *load - inherited <= true load <= load*, and no key without a counter has more load
/// than the floor. With *k* counters kept, and *N* the sum of all loads, the floor is at most *N /
/// (k + 1)*: at each throw at least *k + 1* counters are at or above the new floor, so what they
/// are above the old one, which only loads bring about, shrinks by that many times the step.
///
/// The bytes of keys are kept in arrays that are used again, so a key that enters costs a copy and
/// mostly no memory.
///
/// @see "Metwally et al., Efficient Computation of Frequent and Top-k Elements, ICDT 2005"
/// @see "Ben Basat et al., Optimal Elephant Flow Detection, INFOCOM 2017"
final class HeavyHitters {
  private static final byte[] NONE = {};

  private final int kept;
  private final int[] places; // by hash: number of the counter and 1, or 0; a power of two long
  private final long[] hashes;
  private final byte[][] keys; // by counter, as all below
  private final int[] lengths; // of the keys
  private final long[] loads;
  private final long[] inherited; // of the loads
  private final long[] reads; // since it entered
  private final long[] writes;
  private final long[] sorted; // loads, while the lesser half is thrown out
  private int count;
  private long floor;

  /// A key with its load.
  ///
  /// @param reads estimated
  /// @param writes likewise
  /// @param error by how much the sum of both may be too great
  /// @param load with what it may have inherited from others
  record Counted(Payload key, long reads, long writes, long error, long load) {}

  /// @param kept counters that are surely kept, 1 or more
  HeavyHitters(int kept) {
    this.kept = kept;
    int most = 2 * kept;
    this.places = new int[2 * Integer.highestOneBit(2 * most - 1)];
    this.hashes = new long[most];
    this.keys = new byte[most][];
    Arrays.fill(keys, NONE);
    this.lengths = new int[most];
    this.loads = new long[most];
    this.inherited = new long[most];
    this.reads = new long[most];
    this.writes = new long[most];
    this.sorted = new long[most];
  }

  /// Counts accesses to a key that is part of an array.
  ///
  /// @param writes whether they change it
  /// @param times how many they are
  /// @param load of all of them, 1 or more
  void add(byte[] source, int offset, int length, boolean writes, long times, long load) {
    long hash = KeyHash.of(source, offset, length);
    int place = place(hash);
    while (places[place] != 0) {
      int counter = places[place] - 1;
      if (hashes[counter] == hash
          && Arrays.equals(keys[counter], 0, lengths[counter], source, offset, offset + length)) {
        count(counter, writes, times, load);
        return;
      }
      place = next(place);
    }
    if (count == hashes.length) {
      throwOut();
      place = freePlace(hash);
    }
    int counter = count++;
    places[place] = counter + 1;
    hashes[counter] = hash;
    if (keys[counter].length < length) {
      keys[counter] = new byte[Math.max(32, Integer.highestOneBit(2 * length - 1))];
    }
    System.arraycopy(source, offset, keys[counter], 0, length);
    lengths[counter] = length;
    loads[counter] = floor;
    inherited[counter] = floor;
    reads[counter] = 0;
    this.writes[counter] = 0;
    count(counter, writes, times, load);
  }

  private void count(int counter, boolean writes, long times, long load) {
    loads[counter] += load;
    if (writes) {
      this.writes[counter] += times;
    } else {
      reads[counter] += times;
    }
  }

  private int place(long hash) {
    return (int) (hash >>> 20) & places.length - 1;
  }

  private int next(int place) {
    return (place + 1) & places.length - 1;
  }

  private int freePlace(long hash) {
    int place = place(hash);
    while (places[place] != 0) {
      place = next(place);
    }
    return place;
  }

  /// Leaves the counters with the greatest loads.
  private void throwOut() {
    System.arraycopy(loads, 0, sorted, 0, count);
    floor = greatest(sorted, count, kept);
    int equal = kept; // that may stay of those at the floor
    for (int counter = 0; counter < count; counter++) {
      equal -= loads[counter] > floor ? 1 : 0;
    }
    int staying = 0;
    for (int counter = 0; counter < count; counter++) {
      if (loads[counter] > floor || (loads[counter] == floor && equal-- > 0)) {
        if (counter != staying) {
          swap(counter, staying);
        }
        staying++;
      }
    }
    count = staying;
    Arrays.fill(places, 0);
    for (int counter = 0; counter < count; counter++) {
      places[freePlace(hashes[counter])] = counter + 1;
    }
  }

  /// The number that has `rank` greater or equal ones before it in descending order; leaves the
  /// numbers in another order. O(count) in the mean.
  private static long greatest(long[] numbers, int count, int rank) {
    int from = 0;
    int to = count - 1;
    while (from < to) {
      long pivot = numbers[(from + to) >>> 1];
      int low = from;
      int high = to;
      while (low <= high) {
        while (numbers[low] > pivot) {
          low++;
        }
        while (numbers[high] < pivot) {
          high--;
        }
        if (low <= high) {
          long number = numbers[low];
          numbers[low++] = numbers[high];
          numbers[high--] = number;
        }
      }
      if (rank <= high) {
        to = high;
      } else if (rank >= low) {
        from = low;
      } else {
        return numbers[rank];
      }
    }
    return numbers[rank];
  }

  private void swap(int a, int b) {
    byte[] key = keys[a];
    keys[a] = keys[b];
    keys[b] = key;
    int length = lengths[a];
    lengths[a] = lengths[b];
    lengths[b] = length;
    swap(hashes, a, b);
    swap(loads, a, b);
    swap(inherited, a, b);
    swap(reads, a, b);
    swap(writes, a, b);
  }

  private static void swap(long[] numbers, int a, int b) {
    long number = numbers[a];
    numbers[a] = numbers[b];
    numbers[b] = number;
  }

  /// What a key that is not among the counted ones may have had at most.
  long floor() {
    return floor;
  }

  /// The keys with the greatest loads, in descending order, `max` at most.
  List<Counted> counted(int max) {
    List<Counted> all = new ArrayList<>();
    IntStream.range(0, count)
        .boxed()
        .sorted(Comparator.comparingLong((Integer counter) -> loads[counter]).reversed())
        .limit(max)
        .forEach(counter -> all.add(countedBy(counter)));
    return all;
  }

  private Counted countedBy(int counter) {
    long own = loads[counter] - inherited[counter];
    long times = reads[counter] + writes[counter];
    // What was inherited is taken for accesses like those that were counted.
    long error = Math.ceilDiv(inherited[counter], Math.max(1, own / times));
    long asReads = (long) (error * ((double) reads[counter] / times));
    return new Counted(
        Payload.of(keys[counter], 0, lengths[counter]),
        reads[counter] + asReads,
        writes[counter] + error - asReads,
        error,
        loads[counter]);
  }

  /// Forgets all.
  void clear() {
    count = 0;
    floor = 0;
    Arrays.fill(places, 0);
  }
}
