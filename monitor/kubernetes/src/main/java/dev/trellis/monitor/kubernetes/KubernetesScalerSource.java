package dev.trellis.monitor.kubernetes;

import static dev.trellis.process.Ranges.requireWithin;

import dev.trellis.monitor.scaler.NodeDrain;
import dev.trellis.monitor.scaler.Scaler;
import dev.trellis.monitor.scaler.ScalerSource;
import dev.trellis.process.ConfigurationException;
import dev.trellis.process.StrictConfig;
import dev.trellis.wire.NodeDescriptor.Tier;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/// Brings the scaler `kubernetes`. Where Kubernetes is and who we are there is found as its own
/// tools find it: in a pod by its service account, elsewhere by the user's configuration.
public final class KubernetesScalerSource implements ScalerSource {
  @Override
  public String name() {
    return KubernetesScaler.NAME;
  }

  @Override
  public String reference() {
    try (InputStream in = KubernetesScalerSource.class.getResourceAsStream("kubernetes.conf")) {
      return new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException("the jar of monitor/kubernetes is damaged", e);
    }
  }

  @Override
  public Scaler create(StrictConfig settings, NodeDrain drain) {
    Config config = config(settings, Config.autoConfigure(null));
    return create(settings, drain, config, new KubernetesClientBuilder().withConfig(config));
  }

  /// @param found how Kubernetes is reached
  static Config config(StrictConfig settings, Config found) {
    Duration timeout = settings.duration("kubernetes.timeout");
    requireWithin("kubernetes.timeout", timeout, Duration.ofMillis(100), Duration.ofMinutes(1));
    int millis = Math.toIntExact(timeout.toMillis());
    return new ConfigBuilder(found)
        .withConnectionTimeout(millis)
        .withRequestTimeout(millis)
        .withRequestRetryBackoffLimit(0) // whoever orders does so again
        .build();
  }

  static Scaler create(
      StrictConfig settings, NodeDrain drain, Config config, KubernetesClientBuilder client) {
    String namespace =
        settings
            .optionalText("kubernetes.namespace")
            .or(() -> Optional.ofNullable(config.getNamespace()))
            .orElseThrow(
                () ->
                    new ConfigurationException(
                        "kubernetes.namespace is not set, and neither a service account nor a"
                            + " context tells it; set it"));
    return new KubernetesScaler(
        client.build(),
        namespace,
        Map.of(
            Tier.MEMORY,
            settings.text("kubernetes.statefulset.memory"),
            Tier.SSD,
            settings.text("kubernetes.statefulset.ssd")),
        drain);
  }
}
