package dev.trellis.functions.runtime;

import java.util.Map;

/// What has happened in a runtime so far.
///
/// @param invocations that were asked for
/// @param runs that were begun, duplicates included
/// @param retries attempts after the first one of an invocation
/// @param coldStarts instances that were made
/// @param throttled runs that found no free instance, and were refused or had to wait
/// @param timeouts runs that were ended because their time was up by the clock
/// @param lateEnds runs that ended after they had been given up
/// @param failed invocations of which no attempt ended well
/// @param mischief how often each kind was done, with a number for each kind
public record Report(
    long invocations,
    long runs,
    long retries,
    long coldStarts,
    long throttled,
    long timeouts,
    long lateEnds,
    long failed,
    Map<Mischief, Long> mischief) {
  public Report {
    mischief = Map.copyOf(mischief);
  }
}
