package dev.trellis.monitor;

import dev.trellis.process.CurveKeys;
import dev.trellis.process.ProcessMain;
import java.util.Optional;
import java.util.function.Function;

/// The process of a monitor: `--config FILE`, or `--reference` to print every setting.
public final class MonitorMain {
  private MonitorMain() {}

  /// Does not return.
  ///
  /// @param control how nodes are given orders, with which keys if security is on
  public static void run(String[] arguments, Function<Optional<CurveKeys>, NodeControl> control) {
    ProcessMain.run(
        "monitor",
        MonitorConfig.reference(),
        arguments,
        config -> {
          MonitorConfig settings = MonitorConfig.of(config);
          return TrellisMonitor.start(
              settings, config, control.apply(settings.secrets().map(CurveKeys::of)));
        });
  }
}
