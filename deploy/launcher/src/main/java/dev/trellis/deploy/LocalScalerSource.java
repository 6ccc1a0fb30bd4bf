package dev.trellis.deploy;

import static dev.trellis.process.Ranges.requireWithin;

import dev.trellis.cli.Console;
import dev.trellis.monitor.scaler.NodeDrain;
import dev.trellis.monitor.scaler.Scaler;
import dev.trellis.monitor.scaler.ScalerSource;
import dev.trellis.process.StrictConfig;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Map;

/// The scaler of the cluster of this machine.
public final class LocalScalerSource implements ScalerSource {
  static final String NAME = "local";
  private static final String PORT_BASE = "local.port-base";

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String reference() {
    return """
        # The port of the router of the cluster of this machine, by which 'trellis up' knows it.
        local.port-base = 7400
        """;
  }

  @Override
  public Scaler create(StrictConfig settings, NodeDrain drain) {
    int portBase = settings.number(PORT_BASE);
    requireWithin(PORT_BASE, portBase, 1, Ports.BASE_MAX);
    return new LocalScaler(silent(System.getenv()), portBase);
  }

  /// What it would say to people goes into answers instead.
  private static Console silent(Map<String, String> environment) {
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
