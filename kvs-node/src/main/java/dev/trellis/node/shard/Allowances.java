package dev.trellis.node.shard;

import dev.trellis.access.Caller;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// What principals may still use of a node: one for all its shards. For any thread.
///
/// An allowance is a principal's, wherever his keys are, so a bucket for each shard with its part
/// of the rate would give who uses one shard too little, and buckets that shards lend each other
/// would need messages between them. Here the node has one bucket for each limit, and shards take
/// portions of it, a hundredth of a second's worth and the like: a request costs a shard a
/// subtraction, and the lock is taken some times a second.
public final class Allowances {
  /// Principals that metrics tell apart; the others are counted together.
  static final int LABELS_MAX = 200;

  /// The label of those others. No principal has this name.
  static final String OTHERS = "(others)";

  private final int shards;
  private final Map<String, Account> accounts = new HashMap<>(); // by principal
  private int changes; // of whose stored bytes are to be counted, and how

  /// @param shards of the node
  public Allowances(int shards) {
    this.shards = shards;
  }

  /// The account of a principal, by his newest rights and limits. Kept as long as the node runs:
  /// there are as many as principals have come.
  synchronized Account of(Caller caller, long nowMillis) {
    String label = accounts.size() < LABELS_MAX ? caller.principal() : OTHERS;
    Account account =
        accounts.computeIfAbsent(
            caller.principal(), principal -> new Account(principal, label, shards));
    if (account.callerIs(caller, nowMillis)) {
      changes++;
    }
    return account;
  }

  /// Counts up each time that others' bytes are to be counted, or otherwise.
  synchronized int changes() {
    return changes;
  }

  /// Those whose stored bytes are limited.
  synchronized List<Account> storing() {
    List<Account> all = new ArrayList<>();
    for (Account account : accounts.values()) {
      if (account.allowance().bytesStored() > 0) {
        all.add(account);
      }
    }
    return all;
  }
}
