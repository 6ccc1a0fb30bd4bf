package dev.trellis.deploy;

import static dev.trellis.process.Ranges.requireWithin;

import dev.trellis.cli.Console;
import dev.trellis.monitor.scaler.NodeDrain;
import dev.trellis.monitor.scaler.Scaler;
import dev.trellis.monitor.scaler.ScalerSource;
import dev.trellis.process.StrictConfig;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.HashMap;
import java.util.Map;

/// The scaler of the cluster of this machine.
public final class LocalScalerSource implements ScalerSource {
  static final String NAME = "local";
  static final String PORT_BASE = "local.port-base";
  static final String HOME = "local.home";

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String reference() {
    return """
        # The port of the router of the cluster of this machine, by which 'trellis up' knows it.
        local.port-base = 7400

        # The folder in which 'trellis up' keeps what it knows of clusters. Unset: ~/.trellis.
        local.home = null
        """;
  }

  @Override
  public Scaler create(StrictConfig settings, NodeDrain drain) {
    int portBase = settings.number(PORT_BASE);
    requireWithin(PORT_BASE, portBase, 1, Ports.BASE_MAX);
    Map<String, String> environment = new HashMap<>(System.getenv());
    settings.optionalText(HOME).ifPresent(home -> environment.put(Console.HOME, home));
    return new LocalScaler(silent(environment), portBase);
  }

  /// What it would say to people goes into answers instead.
  static Console silent(Map<String, String> environment) {
    return new Console(
        InputStream.nullInputStream(),
        OutputStream.nullOutputStream(),
        OutputStream.nullOutputStream(),
        false,
        false,
        false,
        environment);
  }
}
