package dev.trellis.monitor;

import dev.trellis.process.ProcessMain;

/// The process of a monitor: `--config FILE`, or `--reference` to print every setting.
public final class MonitorMain {
  private MonitorMain() {}

  /// Does not return.
  ///
  /// @param control how nodes are given orders
  public static void run(String[] arguments, NodeControl control) {
    ProcessMain.run(
        "monitor",
        MonitorConfig.reference(),
        arguments,
        config -> TrellisMonitor.start(MonitorConfig.of(config), config, control));
  }
}
