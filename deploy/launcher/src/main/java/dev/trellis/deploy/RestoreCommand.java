package dev.trellis.deploy;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.ConnectionOptions;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Json;
import dev.trellis.cli.Progress;
import dev.trellis.cli.StandardOptions;
import dev.trellis.cli.WriteOptions;
import dev.trellis.client.CallOptions;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Payload;
import dev.trellis.node.store.DamagedFilesException;
import dev.trellis.node.store.ReadLock;
import dev.trellis.node.store.ShardFiles;
import dev.trellis.node.store.Slot;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Placement;
import dev.trellis.wire.PlacementSetting;
import dev.trellis.wire.Read;
import dev.trellis.wire.View;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `restore`: merges what SSD nodes have written into a cluster that runs.
@Command(
    name = "restore",
    description = {
      "Merge a backup into a running cluster, whatever its nodes and shards are.",
      "Values merge with what is there, deletions and times to live included, so it may be repeated."
          + " While it runs, every client of the cluster may merge values as they stand."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis restore /backups/monday --verify",
      "  trellis restore /var/lib/trellis/node-2                  a node that does not run",
      "  trellis restore /var/lib/trellis/node-2/gone-5f0c1a9e    what a cluster went on without"
    })
final class RestoreCommand implements Callable<Integer> {
  private static final int PROBLEMS_TOLD_MAX = 20;

  /// What is restored may be large, and the cluster busy with nothing else.
  private static final Duration TIMEOUT = Duration.ofSeconds(30);

  /// A larger entry is sent in parts.
  private static final long PART_BYTES = 1 << 20;

  /// What a request that asks for a state, or where a key belongs, is taken to take.
  private static final long SMALL_BYTES = 100;

  @Mixin private final StandardOptions standard = new StandardOptions();
  @Mixin private final ConnectionOptions connection = new ConnectionOptions();
  @Mixin private final WriteOptions write = new WriteOptions();

  @Parameters(
      paramLabel = "DIR",
      description =
          "A backup; or the data folder of a node that does not run, or a shard's folder.")
  private Path folder = Path.of("");

  @Option(
      names = "--verify",
      description = "Read everything back afterwards, and tell of what is not there.")
  private boolean verify;

  private final Map<Payload, PlacementSetting> settings = new HashMap<>(); // the latest of each key
  private long entries;
  private long bytes;
  private long broken;
  private long refused;
  private long placed;
  private long differing;
  private int problems;
  private Optional<Payload> refusedLast = Optional.empty();

  @Override
  public Integer call() throws InterruptedException {
    StoredData data = StoredData.in(folder);
    try (ReadLock _ = data.isShard() ? ReadLock.none() : ReadLock.take(folder)) {
      Trellis trellis = connection.connect();
      CallOptions options =
          write.applyTo(CallOptions.DEFAULT.withTimeout(connection.timeout().orElse(TIMEOUT)));
      double seconds = restore(data, trellis, options);
      if (verify) {
        compare(data, trellis, options);
      }
      return tell(seconds);
    } catch (TrellisException e) {
      throw CommandFailure.of(e);
    } catch (IOException e) {
      throw StoredData.unreadable(folder, e);
    }
  }

  private Console console() {
    return standard.console();
  }

  private void problem(String text) {
    problems++;
    if (problems <= PROBLEMS_TOLD_MAX) {
      console().errorLine("warning: " + text);
    } else if (problems == PROBLEMS_TOLD_MAX + 1) {
      console().errorLine("warning: there are more such; they are counted");
    }
  }

  /// Goes through the slots of all shards.
  private interface Visitor {
    void see(Slot slot) throws InterruptedException;
  }

  /// @param told of records that can't be read
  private void forEachSlot(StoredData data, Progress progress, boolean told, Visitor visitor)
      throws IOException, InterruptedException {
    long bytesBefore = 0;
    long seen = 0;
    for (Path shard : data.shards()) {
      long fileBytes = StoredData.fileBytes(shard);
      try (ShardFiles files = ShardFiles.open(shard)) {
        double bytesPerKey = (double) fileBytes / Math.max(1, files.keys());
        long seenBefore = seen;
        Iterator<Slot> slots =
            files.slots(
                problem -> {
                  if (told) {
                    broken++;
                    problem(data.nameOf(shard) + ": " + problem);
                  }
                });
        while (slots.hasNext()) {
          visitor.see(slots.next());
          seen++;
          progress.at(bytesBefore + (long) ((seen - seenBefore) * bytesPerKey), seen);
        }
      } catch (DamagedFilesException e) {
        if (told) {
          broken++;
          problem(e.getMessage() + "; nothing of this shard is restored");
        }
      }
      bytesBefore += fileBytes;
    }
  }

  private Progress progress(StoredData data, String unit) {
    return new Progress(
        console(), unit, data.shards().stream().mapToLong(StoredData::fileBytes).sum());
  }

  /// @return how long it took
  private double restore(StoredData data, Trellis trellis, CallOptions options)
      throws IOException, InterruptedException {
    Progress progress = progress(data, "keys");
    try (MergeLease lease =
        MergeLease.open(Control.of(connection), () -> trellis.clusterMap().nodes())) {
      Restorer merges = new Restorer(trellis, options, lease::renew, new Counting());
      forEachSlot(
          data,
          progress,
          true,
          slot -> {
            slot.setting()
                .ifPresent(setting -> settings.merge(slot.key(), setting, PlacementSetting::merge));
            merge(merges, slot);
          });
      merges.finish();
      place(trellis, options, lease);
    } finally {
      progress.end();
    }
    return progress.seconds();
  }

  private void merge(Restorer merges, Slot slot) throws InterruptedException {
    if (slot.entry().equals(Entry.BOTTOM)) {
      return; // no more was known of the key than where it belongs
    }
    entries++;
    Iterator<Entry> parts = slot.entry().split(PART_BYTES).iterator();
    while (parts.hasNext()) {
      Entry part = parts.next();
      long partBytes = slot.key().size() + part.weight();
      bytes += partBytes;
      merges.add(slot.key(), new Mutation.Merge(part), partBytes, slot.key());
    }
  }

  private final class Counting implements Restorer.Listener {
    @Override
    public void answered(Object about, View view) {}

    @Override
    public void refused(Payload key, TrellisException why) {
      // Of the parts of a large entry, more than one may be.
      Optional<Payload> one = Optional.of(key);
      refused += one.equals(refusedLast) ? 0 : 1;
      refusedLast = one;
      problem(String.valueOf(why.getMessage()));
    }
  }

  /// Decides anew where keys belong that were placed by hand, unless that was decided here: a
  /// decision has the time of who makes it, so an old one can't be made again as it was.
  private void place(Trellis trellis, CallOptions options, MergeLease lease)
      throws InterruptedException {
    Map<Payload, Placement> wanted = new HashMap<>();
    Restorer reads =
        new Restorer(
            trellis,
            options,
            lease::renew,
            new Restorer.Listener() {
              @Override
              public void answered(Object about, View view) {
                if (about instanceof Payload key
                    && view instanceof View.Placed now
                    && !now.explicit()) {
                  Optional.ofNullable(settings.get(key))
                      .flatMap(PlacementSetting::placement)
                      .ifPresent(placement -> wanted.put(key, placement));
                }
              }

              @Override
              public void refused(Payload key, TrellisException why) {
                new Counting().refused(key, why);
              }
            });
    for (Map.Entry<Payload, PlacementSetting> setting : settings.entrySet()) {
      if (setting.getValue().placement().isPresent()) {
        reads.add(setting.getKey(), new Read.Placed(), SMALL_BYTES, setting.getKey());
      }
    }
    reads.finish();
    Restorer places = new Restorer(trellis, options, lease::renew, new Counting());
    for (Map.Entry<Payload, Placement> place : wanted.entrySet()) {
      places.add(
          place.getKey(),
          new Mutation.Place(Optional.of(place.getValue())),
          SMALL_BYTES,
          place.getKey());
      placed++;
    }
    places.finish();
  }

  // ---- Reading back ----

  private void compare(StoredData data, Trellis trellis, CallOptions options)
      throws IOException, InterruptedException {
    Progress progress = progress(data, "keys compared");
    try {
      Restorer reads =
          new Restorer(
              trellis,
              options,
              () -> {},
              new Restorer.Listener() {
                @Override
                public void answered(Object about, View view) {
                  if (about instanceof Slot slot) {
                    compare(slot, view);
                  }
                }

                @Override
                public void refused(Payload key, TrellisException why) {
                  differing++;
                  problem(String.valueOf(why.getMessage()));
                }
              });
      forEachSlot(
          data,
          progress,
          false,
          slot -> {
            if (!slot.entry().equals(Entry.BOTTOM)) {
              long size = SMALL_BYTES + 2 * slot.entry().weight();
              reads.add(slot.key(), new Read.State(), size, slot);
            }
          });
      reads.finish();
    } finally {
      progress.end();
    }
  }

  /// What the cluster has must be as if the entry had been merged into it; of what has ended since,
  /// it may have forgotten.
  private void compare(Slot slot, View view) {
    Entry there = view instanceof View.State(Entry entry) ? entry : Entry.BOTTOM;
    Entry merged = there.merge(slot.entry());
    long now = System.currentTimeMillis();
    if (!merged.equals(there) && !merged.liveValues(now).equals(there.liveValues(now))) {
      differing++;
      problem("key " + slot.key() + " is not there as it is in " + folder);
    }
  }

  private int tell(double seconds) {
    boolean isWhole = broken == 0 && refused == 0 && differing == 0;
    if (standard.json()) {
      Map<String, @Nullable Object> json = new LinkedHashMap<>();
      json.put("keys", entries - refused);
      json.put("bytes", bytes);
      json.put("seconds", seconds);
      json.put("placed", placed);
      json.put("broken", broken);
      json.put("refused", refused);
      if (verify) {
        json.put("differing", differing);
      }
      console().printLine(Json.write(json));
    } else {
      console()
          .printLine(
              String.format(
                  Locale.ROOT,
                  "restored %s, %s, in %.1f s (%s/s)%s%s%s%s",
                  Amounts.keys(entries - refused),
                  Amounts.bytes(bytes),
                  seconds,
                  Amounts.bytes(Math.round(bytes / seconds)),
                  placed == 0 ? "" : String.format(Locale.ROOT, ", %,d placed", placed),
                  broken == 0 ? "" : String.format(Locale.ROOT, ", %,d broken", broken),
                  refused == 0 ? "" : String.format(Locale.ROOT, ", %,d refused", refused),
                  verify ? String.format(Locale.ROOT, ", %,d differ", differing) : ""));
    }
    return isWhole ? ExitCode.OK : ExitCode.NEGATIVE;
  }
}
