package dev.trellis.node.shard;

import dev.trellis.access.Rights;
import dev.trellis.access.Role;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Payload;
import java.util.ArrayList;
import java.util.List;

/// How much a shard keeps under the prefixes that principals may write whose stored bytes are
/// limited, whoever wrote it and however it came.
///
/// Where somebody is to be counted anew, as his rights have changed, that is done partition by
/// partition. Those that are counted follow each change; those that are not yet will be counted as
/// they are then. So the sum is right once all are, and too low before.
final class StoredBytes {
  private static final class Tally {
    private final Account account;
    private final Rights rights;
    private long weight; // in the partitions before the next one
    private int next; // partition to count

    Tally(Account account) {
      this.account = account;
      this.rights = account.rights();
    }
  }

  private final int shard;
  private final Digests digests;
  private final int partitions;
  private List<Tally> tallies = List.of();
  private int seen; // of the changes of allowances

  StoredBytes(int shard, Digests digests) {
    this.shard = shard;
    this.digests = digests;
    this.partitions = digests.partitions().count();
  }

  /// What an entry counts for, by its content alone: so that what is taken off when it goes is what
  /// was added when it came.
  static long weightOf(Payload key, Entry entry) {
    return key.size() + entry.weight();
  }

  /// Whether nobody is counted.
  boolean isEmpty() {
    return tallies.isEmpty();
  }

  /// Whether a key counts for anybody.
  boolean isCounted(Payload key) {
    for (Tally tally : tallies) {
      if (tally.rights.isGranted(Role.WRITE, key)) {
        return true;
      }
    }
    return false;
  }

  /// Follows a change of an entry.
  ///
  /// @param growth of its weight
  void changed(Payload key, long growth) {
    int partition = digests.partitionOf(key);
    for (Tally tally : tallies) {
      if (partition < tally.next && tally.rights.isGranted(Role.WRITE, key)) {
        tally.weight += growth;
        tally.account.stored(shard, tally.weight);
      }
    }
  }

  /// Has those counted from now on whose bytes are limited now.
  void follow(Allowances allowances) {
    int changes = allowances.changes();
    if (changes == seen) {
      return;
    }
    seen = changes;
    List<Tally> now = new ArrayList<>();
    for (Account account : allowances.storing()) {
      now.add(
          tallies.stream()
              .filter(tally -> isOf(tally, account))
              .findFirst()
              .orElseGet(() -> new Tally(account)));
    }
    tallies = now;
  }

  private static boolean isOf(Tally tally, Account account) {
    return tally.account == account && tally.rights.equals(account.rights());
  }

  /// Counts all anew: something was lost.
  void recount() {
    for (Tally tally : tallies) {
      tally.weight = 0;
      tally.next = 0;
    }
  }

  /// Goes on with counting those that are not counted yet.
  ///
  /// @param keysMin how many keys to pass, at least, if there are so many
  void count(Entries entries, int keysMin) {
    for (Tally tally : tallies) {
      int passed = 0;
      while (tally.next < partitions && passed < keysMin) {
        passed += count(tally, entries) + 1;
      }
      tally.account.stored(shard, tally.weight);
    }
  }

  private int count(Tally tally, Entries entries) {
    long weight = 0;
    List<Payload> keys = digests.keysOf(tally.next);
    for (Payload key : keys) {
      if (tally.rights.isGranted(Role.WRITE, key)) {
        weight += entries.find(key).map(slot -> weightOf(key, slot.entry())).orElse(0L);
      }
    }
    tally.weight += weight;
    tally.next++;
    return keys.size();
  }

  /// Whether somebody is not counted to the end.
  boolean isCounting() {
    return tallies.stream().anyMatch(tally -> tally.next < partitions);
  }
}
