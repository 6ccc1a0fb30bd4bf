package dev.trellis.casestudy;

import dev.trellis.bench.BenchCluster;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.ClientTls;
import dev.trellis.client.Trellis;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// The cluster that a study measures: one of its own, which ends with it, or one that runs already.
/// Has a folder for what the study keeps beside it.
final class StudyCluster implements AutoCloseable {
  /// One node in memory, of one shard: on a machine of few cores more would only take them from
  /// each other.
  static final List<String> ONE_NODE =
      List.of("--memory-nodes", "1", "--ssd-nodes", "0", "--shards", "1");

  private final List<String> addresses;
  private final @Nullable BenchCluster own;
  private final Path folder;
  private boolean isDone;

  private StudyCluster(List<String> addresses, @Nullable BenchCluster own, Path folder) {
    this.addresses = addresses;
    this.own = own;
    this.folder = folder;
  }

  /// @param address of a running cluster, several separated by commas; empty to start one
  /// @param portBase the router's port, if one is started
  static StudyCluster open(Optional<String> address, int portBase)
      throws IOException, InterruptedException {
    Path folder = Files.createTempDirectory("trellis-casestudy");
    if (address.isPresent()) {
      return new StudyCluster(
          Arrays.stream(address.get().split(",", -1)).map(String::strip).toList(), null, folder);
    }
    BenchCluster own = new BenchCluster(portBase, folder);
    StudyCluster cluster = new StudyCluster(List.of(own.address()), own, folder);
    try {
      own.up(ONE_NODE);
      return cluster;
    } catch (IOException | InterruptedException | RuntimeException e) {
      cluster.close();
      throw e;
    }
  }

  /// What was started, for people.
  String describe() {
    return own == null
        ? String.join(",", addresses)
        : "one of its own: a memory node of one shard, and a router";
  }

  /// A client of its own for whoever asks.
  Trellis connect() {
    ClientConfig config = ClientConfig.of(addresses.toArray(String[]::new)).withEventLoopThreads(1);
    return Trellis.connect(own == null ? withSecrets(config) : config);
  }

  /// What the environment has for a cluster with security.
  private static ClientConfig withSecrets(ClientConfig config) {
    Optional<Path> authorities = file("TRELLIS_CA");
    Optional<Path> key = file("TRELLIS_API_KEY_FILE");
    if (authorities.isEmpty()) {
      return config;
    }
    ClientConfig encrypted = config.withTls(ClientTls.trusting(authorities.get()));
    try {
      return key.isEmpty() ? encrypted : encrypted.withApiKey(Files.readString(key.get()).strip());
    } catch (IOException e) {
      throw new IllegalArgumentException("TRELLIS_API_KEY_FILE: cannot read " + key.get(), e);
    }
  }

  private static Optional<Path> file(String variable) {
    return Optional.ofNullable(System.getenv(variable))
        .filter(name -> !name.isEmpty())
        .map(Path::of);
  }

  Path folder() {
    return folder;
  }

  /// All went well: nobody needs to look into the folder.
  void done() {
    isDone = true;
  }

  @Override
  public void close() throws IOException {
    if (own != null) {
      own.close();
    }
    if (isDone) {
      delete(folder);
    }
  }

  /// Deletes a folder with all that is in it.
  static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
