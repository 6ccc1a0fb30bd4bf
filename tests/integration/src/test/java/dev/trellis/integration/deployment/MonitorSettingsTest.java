package dev.trellis.integration.deployment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.monitor.MonitorConfig;
import dev.trellis.monitor.scaler.NodeDrain;
import dev.trellis.monitor.scaler.ScalerSource;
import dev.trellis.process.StrictConfig;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// A monitor takes every configuration of one that is shipped.
class MonitorSettingsTest {
  private static StrictConfig settings(Path file) {
    // Which a pod would tell.
    String more = "\nkubernetes.namespace = trellis\n";
    return StrictConfig.ofText(
        MonitorConfig.reference(),
        Tree.read(file) + more,
        Map.of("TRELLIS_SECRETS_FOLDER", Tree.ROOT.toString()));
  }

  @Test
  void eachIsTakenAndNamesAScalerThatThereIs() {
    List<Path> files = Tree.files(Tree.DEPLOY, "monitor.conf");
    files = files.stream().filter(file -> !file.toString().contains("/target/")).toList();
    assertEquals(3, files.size(), files::toString);
    Set<String> scalers = new HashSet<>();
    for (Path file : files) {
      MonitorConfig config = MonitorConfig.of(settings(file));
      assertEquals("trellis", config.clusterName(), file::toString);
      scalers.add(config.scaler());
    }
    assertEquals(Set.of(MonitorConfig.NO_SCALER, "kubernetes"), scalers);
  }

  @Test
  void theDocumentationShowsAllThatThereAre() {
    String page = Tree.read(Tree.ROOT.resolve("docs/configuration.md"));
    int scalers = MonitorConfig.reference().indexOf("# ---- Scaler ");
    assertTrue(page.contains("```hocon\n" + MonitorConfig.reference().substring(0, scalers)));
    for (ScalerSource source : ScalerSource.all()) {
      assertTrue(page.contains(source.reference().strip()), source::name);
    }
  }

  @Test
  void thatOfKubernetesNamesTheStatefulSetsThatItShips() {
    Path file = Tree.DEPLOY.resolve("kubernetes/base/config/monitor.conf");
    StrictConfig settings = settings(file);
    assertEquals("trellis-memory", settings.text("kubernetes.statefulset.memory"));
    assertEquals("trellis-ssd", settings.text("kubernetes.statefulset.ssd"));
    ScalerSource source =
        ScalerSource.all().stream()
            .filter(one -> one.name().equals("kubernetes"))
            .findFirst()
            .orElseThrow();
    source.create(settings, noDrain()).close();
  }

  private static NodeDrain noDrain() {
    return new NodeDrain() {
      @Override
      public Map<String, Standing> standings(Set<String> nodeIds) {
        throw new UnsupportedOperationException("nothing is scaled");
      }

      @Override
      public void leave(String nodeId, long epoch) {
        throw new UnsupportedOperationException("nothing is scaled");
      }
    };
  }
}
