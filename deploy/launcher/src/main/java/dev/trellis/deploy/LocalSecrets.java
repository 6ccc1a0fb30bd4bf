package dev.trellis.deploy;

import dev.trellis.deploy.security.ClusterSecrets;
import dev.trellis.deploy.security.ClusterSecrets.What;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.stream.IntStream;

/// The secrets of a cluster of this machine: for all nodes that it may ever have, so that nobody
/// who adds one, such as the monitor, needs the authority for it.
final class LocalSecrets {
  private static final String CLUSTER = "trellis"; // what cluster.name is by default
  private static final Duration LIFE = Duration.ofDays(365);
  private static final Duration RENEWED_BEFORE = Duration.ofDays(30);

  private LocalSecrets() {}

  /// Makes them if there are none, and renews certificates that would end soon, unless the
  /// authority that signs is kept elsewhere: then whoever has it does.
  ///
  /// @throws dev.trellis.cli.CommandFailure if they cannot be made, or what is there is something
  ///   else
  static void prepare(Path folder) {
    Instant now = Instant.now();
    if (!Files.isDirectory(folder)) {
      List<String> nodes =
          IntStream.range(0, Ports.NODES_MAX).mapToObj(ServerPlan::nodeId).toList();
      ClusterSecrets.create(folder, CLUSTER, nodes, List.of(), LIFE, now, new SecureRandom());
      return;
    }
    Path first = ClusterSecrets.nodeFolder(ServerPlan.nodeId(0));
    if (!ClusterSecrets.hasAuthority(folder) && Files.isDirectory(folder.resolve(first))) {
      return;
    }
    ClusterSecrets secrets = ClusterSecrets.open(folder, new SecureRandom());
    boolean endsSoon =
        secrets.certificates().stream()
            .filter(held -> !held.name().equals("ca")) // which the user exchanges
            .anyMatch(held -> held.expires().isBefore(now.plus(RENEWED_BEFORE)));
    if (endsSoon) {
      var _ = secrets.use(What.CERTIFICATES, now);
    }
  }
}
