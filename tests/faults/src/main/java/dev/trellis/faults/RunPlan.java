package dev.trellis.faults;

import java.time.Duration;
import java.util.List;

/// What a run does.
///
/// @param workloads names of those to run, all at once on one cluster
/// @param faults one after the other, each on a cluster of its own
/// @param time how long each fault is done again and again
/// @param extension how much longer a cell may take to come to a verdict, at most, where the
///   machine is slow
/// @param rate calls a second of each workload, at most
/// @param callers client threads of each workload
/// @param clients connected, shared by the threads
/// @param operationsMin successful calls without which a cell has no verdict
/// @param faultsMin that are waited for, if need be until the extension is over
record RunPlan(
    ClusterPlan cluster,
    List<String> workloads,
    List<Fault> faults,
    Duration time,
    Duration extension,
    int rate,
    int callers,
    int clients,
    long operationsMin,
    int faultsMin,
    long seed) {
  /// Fewer successful calls show too little.
  static final long OPERATIONS_MIN = 1_000;

  RunPlan {
    workloads = List.copyOf(workloads);
    faults = List.copyOf(faults);
  }
}
