package dev.trellis.deploy;

import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Json;
import dev.trellis.cli.Progress;
import dev.trellis.cli.StandardOptions;
import dev.trellis.node.control.MemberFile;
import dev.trellis.node.store.DamagedFilesException;
import dev.trellis.node.store.ReadLock;
import dev.trellis.node.store.ShardFiles;
import dev.trellis.node.store.SsdStore;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/// `verify`: finds out whether data on disk are as they were written.
@Command(
    name = "verify",
    description = {
      "Check data on disk for damage: of an SSD node that has stopped, or in a backup.",
      "Reads all of it and writes nothing. Exits with 1 if anything is wrong."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis verify /backups/monday",
      "  trellis verify /var/lib/trellis/node-2           the data folder of a node",
      "  trellis verify /var/lib/trellis/node-2/shard-0"
    })
final class VerifyCommand implements Callable<Integer> {
  @Mixin private final StandardOptions standard = new StandardOptions();

  @Parameters(
      paramLabel = "DIR",
      description = "The data folder of a node that does not run, a shard's folder, or a backup.")
  private Path folder = Path.of("");

  /// What was found of one shard.
  ///
  /// @param node and the number of its shards; empty and 0 if that can't be read
  /// @param problems what is wrong, in words; there may be more broken records than these tell of
  private record Found(
      String name,
      String node,
      int shard,
      int shards,
      ShardFiles.Findings findings,
      List<String> problems) {
    boolean isSound() {
      return problems.isEmpty();
    }

    Map<String, @Nullable Object> json() {
      Map<String, @Nullable Object> json = new LinkedHashMap<>();
      json.put("folder", name);
      json.put("node", node);
      json.put("shard", shard);
      json.put("keys", findings.keys());
      json.put("bytes", findings.bytes());
      json.put("broken", findings.broken());
      json.put("problems", problems);
      return json;
    }
  }

  @Override
  public Integer call() {
    StoredData data = StoredData.in(folder);
    List<String> problems = new ArrayList<>();
    List<Found> found = new ArrayList<>();
    long total = data.shards().stream().mapToLong(StoredData::fileBytes).sum();
    Progress progress = new Progress(standard.console(), "keys", total);
    try (ReadLock _ = data.isShard() ? ReadLock.none() : ReadLock.take(folder)) {
      MemberFile.problem(folder).ifPresent(problems::add);
      long bytesBefore = 0;
      long keysBefore = 0;
      for (int at = 0; at < data.shards().size(); at++) {
        Found one = verify(data, at, new Share(progress, bytesBefore, keysBefore));
        found.add(one);
        bytesBefore += StoredData.fileBytes(data.shards().get(at));
        keysBefore += one.findings().keys();
      }
      if (!data.isShard()) {
        problems.addAll(missing(data, found));
      }
      problems.addAll(data.strangers());
    } catch (IOException e) {
      throw StoredData.unreadable(folder, e);
    } finally {
      progress.end();
    }
    return tell(found, problems, progress.seconds());
  }

  /// The part that a shard has in what is shown of the progress.
  private record Share(Progress progress, long bytesBefore, long keysBefore) {
    void at(double bytes, long keys) {
      progress.at(bytesBefore + (long) bytes, keysBefore + keys);
    }
  }

  private static Found verify(StoredData data, int index, Share share) throws IOException {
    Path shard = data.shards().get(index);
    long fileBytes = StoredData.fileBytes(shard);
    Optional<BackupManifest.Shard> told =
        data.manifest().map(manifest -> manifest.shards().get(index));
    // The file is read twice where its checksum is known.
    double before = told.isPresent() ? 0.5 : 0;
    List<String> problems = new ArrayList<>();
    try {
      if (told.isPresent()) {
        BackupManifest.problem(data.folder(), told.get(), read -> share.at(before * read, 0))
            .ifPresent(problems::add);
      }
      try (ShardFiles files = ShardFiles.open(shard)) {
        double bytesPerKey = (1 - before) * fileBytes / Math.max(1, files.keys());
        ShardFiles.Findings findings =
            files.verify(seen -> share.at(before * fileBytes + bytesPerKey * seen, seen));
        problems.addAll(findings.problems());
        String place = data.isShard() ? "" : placeProblem(shard, files.owner(), told);
        if (!place.isEmpty()) {
          problems.add(place);
        }
        told.filter(listed -> listed.keys() != findings.keys())
            .ifPresent(
                listed ->
                    problems.add(
                        "there are "
                            + findings.keys()
                            + " keys, and "
                            + BackupManifest.FILE
                            + " tells of "
                            + listed.keys()));
        return new Found(
            data.nameOf(shard),
            files.owner().node(),
            files.owner().shard(),
            files.owner().shards(),
            findings,
            problems);
      }
    } catch (DamagedFilesException e) {
      problems.add(String.valueOf(e.getMessage()));
      ShardFiles.Findings nothing = new ShardFiles.Findings(0, 0, 0, List.of());
      String node = told.map(BackupManifest.Shard::node).orElse("");
      int number = data.isShard() ? 0 : StoredData.numberOf(shard);
      return new Found(data.nameOf(shard), node, number, 0, nothing, problems);
    }
  }

  private static String placeProblem(
      Path shard, SsdStore.Owner owner, Optional<BackupManifest.Shard> told) {
    String node = told.map(BackupManifest.Shard::node).orElse(owner.node());
    return StoredData.numberOf(shard) == owner.shard() && node.equals(owner.node())
        ? ""
        : "what is in it is shard " + owner.shard() + " of node " + owner.node();
  }

  /// Shards that others of their node tell of, and that are not there.
  private static List<String> missing(StoredData data, List<Found> found) {
    List<String> problems = new ArrayList<>();
    Map<String, Integer> shards = new TreeMap<>();
    found.stream()
        .filter(one -> one.shards() > 0)
        .forEach(one -> shards.put(one.node(), one.shards()));
    if (data.manifest().isEmpty() && shards.size() > 1) {
      problems.add("there are shards of several nodes: " + String.join(", ", shards.keySet()));
      return problems;
    }
    Set<String> names = found.stream().map(Found::name).collect(Collectors.toSet());
    shards.forEach(
        (node, count) -> {
          for (int shard = 0; shard < count; shard++) {
            String name =
                (data.manifest().isPresent() ? BackupManifest.folderName(node) + "/" : "")
                    + "shard-"
                    + shard;
            if (!names.contains(name)) {
              problems.add(name + " is not there, and node " + node + " had " + count + " shards");
            }
          }
        });
    return problems;
  }

  private int tell(List<Found> found, List<String> problems, double seconds) {
    long keys = found.stream().mapToLong(one -> one.findings().keys()).sum();
    long bytes = found.stream().mapToLong(one -> one.findings().bytes()).sum();
    long broken = found.stream().mapToLong(one -> one.findings().broken()).sum();
    boolean isSound = problems.isEmpty() && found.stream().allMatch(Found::isSound);
    Console console = standard.console();
    if (standard.json()) {
      Map<String, @Nullable Object> json = new LinkedHashMap<>();
      json.put("sound", isSound);
      json.put("keys", keys);
      json.put("bytes", bytes);
      json.put("broken", broken);
      json.put("seconds", seconds);
      json.put("shards", found.stream().map(Found::json).toList());
      json.put("problems", problems);
      console.printLine(Json.write(json));
    } else {
      int width = found.stream().mapToInt(one -> one.name().length()).max().orElse(1);
      for (Found one : found) {
        console.printLine(
            String.format(
                Locale.ROOT,
                "%-" + width + "s  %s  %s  %s",
                one.name(),
                Amounts.keys(one.findings().keys()),
                Amounts.bytes(one.findings().bytes()),
                one.isSound()
                    ? "sound"
                    : one.findings().broken() == 0
                        ? "damaged"
                        : String.format(Locale.ROOT, "%,d broken", one.findings().broken())));
        one.problems().forEach(problem -> console.printLine("  " + problem));
      }
      problems.forEach(console::printLine);
      console.printLine(
          String.format(
              Locale.ROOT,
              "%s: %s, %s, %,d broken, read in %.1f s",
              isSound ? "sound" : "damaged",
              Amounts.keys(keys),
              Amounts.bytes(bytes),
              broken,
              seconds));
    }
    return isSound ? ExitCode.OK : ExitCode.NEGATIVE;
  }
}
