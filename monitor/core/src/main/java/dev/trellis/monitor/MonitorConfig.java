package dev.trellis.monitor;

import static dev.trellis.process.Ranges.requireBytesWithin;
import static dev.trellis.process.Ranges.requireWithin;

import dev.trellis.monitor.policy.PolicySettings;
import dev.trellis.monitor.policy.PolicySettings.Band;
import dev.trellis.monitor.policy.PolicySettings.Counts;
import dev.trellis.monitor.policy.PolicySettings.Objective;
import dev.trellis.monitor.policy.PolicySettings.Statistic;
import dev.trellis.monitor.scaler.ScalerSource;
import dev.trellis.process.ConfigurationException;
import dev.trellis.process.ListenGuard;
import dev.trellis.process.Secrets;
import dev.trellis.process.Security;
import dev.trellis.process.StrictConfig;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/// The settings of a monitor. [#reference] documents each by its key.
///
/// @param nodes data addresses of routers or nodes of the cluster
/// @param scaler the name of one of [ScalerSource#all], or `none`
/// @param dryRun whether nothing is carried out
/// @param period how often it looks and decides, 100 ms to 1 min
/// @param patience how long the monitor that leads may be silent, three periods to 1 h
/// @param settling how long after something was done its effect is measured, 1 s to 1 h
/// @param record where what nodes tell is written to as well
/// @param console where the console is; port 0 takes a free one
/// @param admin where `/metrics`, `/healthz` and `/readyz` are; port 0 takes a free one
/// @param secrets there if security is on
public record MonitorConfig(
    String clusterName,
    List<String> nodes,
    String scaler,
    boolean dryRun,
    Duration period,
    Duration patience,
    Duration settling,
    Optional<Recording> record,
    PolicySettings policies,
    InetSocketAddress console,
    Set<String> consoleNames,
    InetSocketAddress admin,
    Optional<Secrets> secrets) {
  /// What stands for no scaler.
  public static final String NO_SCALER = "none";

  /// Where what nodes tell is written to.
  ///
  /// @param bytesMax at which the file is begun anew, 64 KiB to 64 GiB
  public record Recording(Path file, long bytesMax) {
    public Recording {
      requireBytesWithin("monitor.record.max", bytesMax, 64 << 10, 64L << 30);
    }
  }

  public MonitorConfig {
    nodes = List.copyOf(nodes);
    consoleNames = Set.copyOf(consoleNames);
    requireWithin("monitor.period", period, Duration.ofMillis(100), Duration.ofMinutes(1));
    requireWithin("monitor.patience", patience, period.multipliedBy(3), Duration.ofHours(1));
    requireWithin("monitor.settling", settling, Duration.ofSeconds(1), Duration.ofHours(1));
  }

  /// Every key, documented, with its default, those of all scalers included: a HOCON text.
  public static String reference() {
    StringBuilder reference = new StringBuilder();
    try (InputStream in = MonitorConfig.class.getResourceAsStream("monitor.conf")) {
      reference.append(
          new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException("the jar of the monitor is damaged", e);
    }
    for (ScalerSource source : ScalerSource.all()) {
      if (!source.reference().isEmpty()) {
        reference.append("\n# ---- Scaler ").append(source.name()).append(" ----\n\n");
        reference.append(source.reference().strip()).append('\n');
      }
    }
    return reference.toString();
  }

  /// Reads and checks the settings.
  ///
  /// @throws ConfigurationException if one is missing, of another type or out of its range
  public static MonitorConfig of(StrictConfig config) {
    Security security = Security.of(config, "security");
    InetAddress bind = ListenGuard.resolve("bind", config.text("bind"), security);
    List<String> scalers =
        Stream.concat(
                Stream.of(NO_SCALER), ScalerSource.all().stream().map(ScalerSource::name).sorted())
            .toList();
    return new MonitorConfig(
        config.text("cluster.name"),
        config.texts("cluster.nodes"),
        config.word("monitor.scaler", scalers).orElse(NO_SCALER),
        config.word("monitor.dry-run", List.of("true", "false")).orElse("false").equals("true"),
        config.duration("monitor.period"),
        config.duration("monitor.patience"),
        config.duration("monitor.settling"),
        config
            .optionalText("monitor.record.file")
            .map(file -> new Recording(Path.of(file), config.bytes("monitor.record.max"))),
        policies(config),
        new InetSocketAddress(bind, port(config, "console.port")),
        new LinkedHashSet<>(config.texts("console.names")),
        new InetSocketAddress(bind, port(config, "admin.port")),
        Secrets.of(config, "secrets.folder", security));
  }

  private static PolicySettings policies(StrictConfig config) {
    Statistic statistic =
        Statistic.valueOf(
            config
                .word("objective.statistic", List.of("mean", "p95"))
                .orElse("mean")
                .toUpperCase(Locale.ROOT));
    return new PolicySettings(
        new Objective(statistic, config.latency("objective.latency")),
        config.optionalText("budget.per-hour").map(_ -> config.decimal("budget.per-hour")),
        config.decimal("price.memory"),
        config.decimal("price.ssd"),
        config.decimal("hot.deviations"),
        config.number("promote.accesses"),
        config.duration("promote.window"),
        band(config, "memory.use"),
        band(config, "ssd.use"),
        band(config, "latency.fraction"),
        band(config, "occupancy"),
        config.decimal("step.factor"),
        config.duration("grace"),
        config.duration("key.grace"),
        counts(config, "memory.nodes"),
        counts(config, "ssd.nodes"),
        config.duration("shrink.after"),
        config.duration("gossip.epoch"));
  }

  private static Band band(StrictConfig config, String key) {
    return new Band(config.decimal(key + ".low"), config.decimal(key + ".high"));
  }

  private static Counts counts(StrictConfig config, String key) {
    return new Counts(config.number(key + ".min"), config.number(key + ".max"));
  }

  private static int port(StrictConfig config, String key) {
    int port = config.number(key);
    requireWithin(key, port, 0, 0xffff);
    return port;
  }
}
