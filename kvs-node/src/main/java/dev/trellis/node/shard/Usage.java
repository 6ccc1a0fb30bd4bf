package dev.trellis.node.shard;

import dev.trellis.access.Allowance;
import dev.trellis.access.Caller;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/// What one principal uses of one shard, and the portions of his allowance that the shard has at
/// hand. Written by the shard alone; other threads read what it counts.
public final class Usage {
  private static final VarHandle CELL = MethodHandles.arrayElementVarHandle(long[].class);
  private static final int OPERATIONS = 0;
  private static final int FORBIDDEN = 1;
  private static final int OVERLOADED = 2;

  /// Who is turned away is told to stay away for this long at least: he is beyond his rate, and a
  /// tenth of a second's worth will be there then.
  private static final long AWAY_MILLIS_MIN = 100;

  /// A portion is asked for again no later, however the clock is set.
  private static final long REFUSED_MILLIS_MAX = 1_000;

  private final Account account;
  private final long[] counters = new long[3];
  private Caller caller;
  private boolean limited; // by operations or bytes a second
  private boolean countsBytes;
  private long operationsLeft;
  private long bytesLeft;
  private long emptySinceMillis;
  private long emptyForMillis;

  Usage(Caller caller, Account account) {
    this.caller = caller;
    this.account = account;
    callerIs(caller);
  }

  /// Goes by what the principal may from now on.
  void callerIs(Caller changed) {
    caller = changed;
    Allowance allowance = changed.allowance();
    countsBytes = allowance.bytesPerSecond() > 0;
    limited = countsBytes || allowance.operationsPerSecond() > 0;
    operationsLeft = allowance.operationsPerSecond() > 0 ? 0 : Long.MAX_VALUE;
    bytesLeft = countsBytes ? 0 : Long.MAX_VALUE;
    emptyForMillis = 0;
  }

  Caller caller() {
    return caller;
  }

  Account account() {
    return account;
  }

  /// Whether it matters how many bytes are moved.
  boolean countsBytes() {
    return countsBytes;
  }

  /// Whether another operation is within the allowance, which is not used yet.
  ///
  /// @return 0 if it is, else when to come again, in milliseconds from now
  long millisToWait(long nowMillis) {
    if (!limited) {
      return 0;
    }
    long since = nowMillis - emptySinceMillis;
    if (since >= 0 && since < emptyForMillis) {
      return told(emptyForMillis - since);
    }
    if (operationsLeft <= 0) {
      long taken = account.takeOperations(nowMillis);
      if (taken < 0) {
        return empty(-taken, nowMillis);
      }
      operationsLeft = taken;
    }
    if (bytesLeft <= 0) {
      long taken = account.takeBytes(nowMillis);
      if (taken < 0) {
        return empty(-taken, nowMillis);
      }
      bytesLeft = taken;
    }
    return 0;
  }

  private long empty(long forMillis, long nowMillis) {
    emptySinceMillis = nowMillis;
    emptyForMillis = Math.min(forMillis, REFUSED_MILLIS_MAX);
    return told(forMillis);
  }

  private static long told(long millis) {
    return Math.max(AWAY_MILLIS_MIN, millis);
  }

  /// Counts an operation that is begun, whether or not it is at hand.
  void begin(long nowMillis) {
    increment(OPERATIONS);
    operationsLeft--;
    if (operationsLeft < 0) {
      account.oweOperation(nowMillis);
      operationsLeft = 0;
    }
  }

  /// Takes bytes that are moved, whether or not so many are at hand.
  void move(long bytes, long nowMillis) {
    if (!countsBytes) {
      return;
    }
    bytesLeft -= bytes;
    if (bytesLeft < 0) {
      account.oweBytes(-bytesLeft, nowMillis); // at once, so that other shards see it
      bytesLeft = 0;
    }
  }

  void countForbidden() {
    increment(FORBIDDEN);
  }

  void countOverloaded() {
    increment(OVERLOADED);
  }

  /// By which metrics name the principal: many have the same.
  public String label() {
    return account.label();
  }

  /// Requests, watches and pages of scans that were begun, and changes of watched keys told.
  public long operations() {
    return read(OPERATIONS);
  }

  /// Those that were refused for want of rights.
  public long forbidden() {
    return read(FORBIDDEN);
  }

  /// Those that were refused as beyond the allowance.
  public long overloaded() {
    return read(OVERLOADED);
  }

  private void increment(int counter) {
    CELL.setOpaque(counters, counter, counters[counter] + 1);
  }

  private long read(int counter) {
    return (long) CELL.getOpaque(counters, counter);
  }
}
