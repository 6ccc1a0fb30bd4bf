package dev.trellis.monitor.scaler;

import dev.trellis.process.ConfigurationException;
import dev.trellis.process.StrictConfig;
import java.util.List;
import java.util.ServiceLoader;

/// Brings a kind of scaler, named in `META-INF/services`, so that what it needs is known to its own
/// module alone.
public interface ScalerSource {
  /// What `monitor.scaler` calls it, as in `kubernetes`.
  String name();

  /// Its own settings, each documented, with its default: a HOCON text, to stand in the reference
  /// of the monitor. Each key begins with [#name] and a dot. Empty if it has none.
  String reference();

  /// Makes a scaler. Reads its own settings, and touches nothing outside yet.
  ///
  /// @param settings with every key of [#reference]
  /// @throws ConfigurationException if one of its settings is wrong
  Scaler create(StrictConfig settings, NodeDrain drain);

  /// All that there are on the class path.
  static List<ScalerSource> all() {
    return ServiceLoader.load(ScalerSource.class).stream()
        .map(ServiceLoader.Provider::get)
        .toList();
  }
}
