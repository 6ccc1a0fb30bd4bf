package dev.trellis.deploy;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.ConnectionOptions;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Failures;
import dev.trellis.cli.Json;
import dev.trellis.cli.JsonObject;
import dev.trellis.cli.Progress;
import dev.trellis.cli.StandardOptions;
import dev.trellis.node.control.ControlClient;
import dev.trellis.node.store.ShardFiles;
import dev.trellis.wire.Frame;
import dev.trellis.wire.NodeDescriptor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/// `backup`: has the SSD nodes copy what they have into a folder.
@Command(
    name = "backup",
    description = {
      "Copy what the SSD nodes have on disk into a folder, while the cluster serves.",
      "Everything that was acknowledged as durable before is in it; of what is written meanwhile, each"
          + " shard has what came before one moment of its own."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis backup /backups/monday",
      "  trellis verify /backups/monday",
      "  trellis restore /backups/monday     merges it, into this cluster or another one"
    })
final class BackupCommand implements Callable<Integer> {
  private static final Duration POLL = Duration.ofMillis(100);

  /// Copying is one half of the work, reading what was written the other.
  private static final long PROGRESS_PARTS = 1_000_000;

  @Mixin private final StandardOptions standard = new StandardOptions();
  @Mixin private final ConnectionOptions connection = new ConnectionOptions();

  @Parameters(
      paramLabel = "DIR",
      description = "The folder, which must be empty if it is there; on the machine of the nodes.")
  private Path folder = Path.of("");

  /// An SSD node and where it copies to.
  private record Source(NodeDescriptor node, Path folder, Control control) {
    void begin() {
      control.order(node, client -> client.beginBackup(folder));
    }

    <T> T ask(Control.Question<T> question) {
      return control.ask(node, question);
    }
  }

  @Override
  public Integer call() throws InterruptedException {
    Path target = folder.toAbsolutePath().normalize();
    requireEmpty(target);
    Frame.ClusterMap map = connection.connect().clusterMap();
    List<Source> sources = sources(map, target, Control.of(connection));
    warnOfAbsent(sources.getFirst());
    Instant time = Instant.now().truncatedTo(ChronoUnit.MILLIS);
    Progress progress = new Progress(standard.console(), "MB", 2 * PROGRESS_PARTS);
    try {
      Files.createDirectories(target);
      sources.forEach(Source::begin);
      copy(sources, progress);
      List<BackupManifest.Shard> shards = listed(sources, progress);
      BackupManifest manifest = new BackupManifest(map.clusterName(), time, version(), shards);
      manifest.write(target);
      return tell(manifest, progress.seconds());
    } catch (IOException e) {
      throw failed(Failures.of(target, e), e);
    } finally {
      progress.end();
    }
  }

  private static void requireEmpty(Path target) {
    if (!Files.exists(target)) {
      return;
    }
    if (!Files.isDirectory(target)) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT, target + " is a file; name a folder that is not there yet");
    }
    try (Stream<Path> inside = Files.list(target)) {
      if (inside.findAny().isPresent()) {
        throw new CommandFailure(
            ExitCode.ENVIRONMENT, target + " is not empty; name a folder that is not there yet");
      }
    } catch (IOException e) {
      throw new CommandFailure(ExitCode.ENVIRONMENT, "cannot read " + Failures.of(target, e), e);
    }
  }

  private static List<Source> sources(Frame.ClusterMap map, Path target, Control control) {
    List<Source> sources = new ArrayList<>();
    for (NodeDescriptor node : map.nodes()) {
      if (node.tier() == NodeDescriptor.Tier.SSD) {
        sources.add(
            new Source(node, target.resolve(BackupManifest.folderName(node.id())), control));
      }
    }
    if (sources.isEmpty()) {
      throw new CommandFailure(
          ExitCode.REFUSED,
          "cluster '"
              + map.clusterName()
              + "' has no SSD node, and what is in memory only can't be copied; add one with 'trellis"
              + " node add --tier ssd', or use 'trellis export'");
    }
    return sources;
  }

  /// A node that is away may have what nobody else has.
  private void warnOfAbsent(Source source) {
    List<String> absent = NodeAnswer.ofJson(source.ask(ControlClient::status)).absent();
    if (!absent.isEmpty()) {
      standard
          .console()
          .errorLine(
              "warning: what only "
                  + String.join(", ", absent)
                  + (absent.size() == 1 ? " has" : " have")
                  + " will not be in the backup, since it is away");
    }
  }

  private void copy(List<Source> sources, Progress progress) throws InterruptedException {
    boolean isCopying = true;
    while (isCopying) {
      isCopying = false;
      long bytes = 0;
      long expected = 0;
      for (Source source : sources) {
        JsonObject now = JsonObject.of(Json.read(source.ask(ControlClient::backupProgress)));
        String state =
            now.text("folder").equals(source.folder().toString()) ? now.text("state") : "";
        switch (state) {
          case "running" -> isCopying = true;
          case "done" -> {}
          case "failed" ->
              throw failed(
                  source.node().id() + " could not copy its data: " + now.text("problem"), null);
          default ->
              throw failed(
                  source.node().id() + " has started again while it copied its data", null);
        }
        bytes += now.whole("bytes");
        expected += now.whole("bytesExpected");
      }
      progress.at(PROGRESS_PARTS * bytes / Math.max(1, expected), bytes / 1_000_000);
      if (isCopying) {
        Thread.sleep(POLL);
      }
    }
  }

  private static CommandFailure failed(String problem, @Nullable Exception cause) {
    String message = problem + "; the backup is not finished: delete what there is of it";
    return cause == null
        ? new CommandFailure(ExitCode.ENVIRONMENT, message)
        : new CommandFailure(ExitCode.ENVIRONMENT, message, cause);
  }

  /// Reads what was written, as the manifest tells of it.
  private static List<BackupManifest.Shard> listed(List<Source> sources, Progress progress)
      throws IOException {
    long total = 0;
    for (Source source : sources) {
      if (!Files.isDirectory(source.folder())) {
        throw failed(
            "node "
                + source.node().id()
                + " has copied its data to "
                + source.folder()
                + " on "
                + source.node().host()
                + ", which is not here; run this on the machine of the nodes, or name a folder that all"
                + " machines share",
            null);
      }
      total += StoredData.shardsIn(source.folder()).stream().mapToLong(StoredData::fileBytes).sum();
    }
    double share = (double) PROGRESS_PARTS / Math.max(1, total);
    List<BackupManifest.Shard> shards = new ArrayList<>();
    long before = 0;
    for (Source source : sources) {
      for (Path shard : StoredData.shardsIn(source.folder())) {
        long done = before;
        Path file = shard.resolve(ShardFiles.DATA);
        String checksum =
            BackupManifest.checksum(
                file,
                read ->
                    progress.at(
                        PROGRESS_PARTS + (long) ((done + read) * share),
                        (done + read) / 1_000_000));
        try (ShardFiles files = ShardFiles.open(shard)) {
          shards.add(
              new BackupManifest.Shard(
                  source.node().id(),
                  files.owner().shard(),
                  files.keys(),
                  ShardFiles.DATA,
                  Files.size(file),
                  checksum));
        }
        before += StoredData.fileBytes(shard);
      }
    }
    return shards;
  }

  /// The version that Maven wrote into the jar.
  private static String version() {
    return Optional.ofNullable(Console.class.getPackage().getImplementationVersion())
        .orElse("(unpackaged)");
  }

  private int tell(BackupManifest manifest, double seconds) {
    long keys = manifest.shards().stream().mapToLong(BackupManifest.Shard::keys).sum();
    long bytes = manifest.shards().stream().mapToLong(BackupManifest.Shard::bytes).sum();
    Console console = standard.console();
    if (standard.json()) {
      Map<String, @Nullable Object> json = new LinkedHashMap<>();
      json.put("folder", folder.toAbsolutePath().normalize().toString());
      json.put("cluster", manifest.cluster());
      json.put("time", manifest.time().toString());
      json.put(
          "nodes", manifest.shards().stream().map(BackupManifest.Shard::node).distinct().toList());
      json.put("keys", keys);
      json.put("bytes", bytes);
      json.put("seconds", seconds);
      console.printLine(Json.write(json));
    } else {
      for (BackupManifest.Shard shard : manifest.shards()) {
        console.printLine(
            String.format(
                Locale.ROOT,
                "%s/shard-%d  %s  %s",
                BackupManifest.folderName(shard.node()),
                shard.shard(),
                Amounts.keys(shard.keys()),
                Amounts.bytes(shard.bytes())));
      }
      console.printLine(
          String.format(
              Locale.ROOT,
              "backed up %s, %s, to %s in %.1f s",
              Amounts.keys(keys),
              Amounts.bytes(bytes),
              folder,
              seconds));
    }
    return ExitCode.OK;
  }
}
