package dev.trellis.node;

import dev.trellis.node.net.DataPlane;
import dev.trellis.wire.NodeDescriptor;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What a node held that was declared gone: the others went on without it, listen to nothing it
/// says, and may have deleted what it still has. So nothing of it merges by itself. It is written
/// to a file for somebody to look at, who may import it or parts of it.
///
/// All that it held and that can be seen is in the file, for it can ask nobody what they lack.
final class Quarantine {
  private static final Logger LOG = LoggerFactory.getLogger(Quarantine.class);
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);

  /// How much of it a file may tell.
  private static final class Count {
    private long keys;
    private long lines;
    private long untold; // live, but of a kind that no line can tell
  }

  private Quarantine() {}

  /// Writes what the node holds, if anything, and logs where it is and what to do with it. Keeps
  /// the shards busy meanwhile. Whatever goes wrong is logged, not thrown: the node ends anyway.
  ///
  /// @param folder where to; empty if the node has none
  static void write(Optional<Path> folder, NodeDescriptor self, DataPlane plane, Instant now) {
    String node = "node " + self.id() + " (" + Long.toHexString(self.incarnation()) + ")";
    if (folder.isEmpty()) {
      LOG.error("{} has no data.folder to write to: what only it held is lost", node);
      return;
    }
    String name =
        "quarantine-"
            + self.id()
            + "-"
            + Long.toHexString(self.incarnation())
            + "-"
            + TIME.format(now)
            + ".jsonl";
    Path file = folder.get().resolve(name);
    Path unfinished = file.resolveSibling(name + ".unfinished");
    try {
      Count count = write(unfinished, plane, now.toEpochMilli());
      if (count.lines == 0) {
        Files.delete(unfinished);
        LOG.info("{} held nothing", node);
      } else {
        Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
        LOG.warn(
            "what {} held, {} keys, is in {}; it may have been changed or deleted since, so compare"
                + " before you merge any of it: bin/trellis import {}",
            node,
            count.keys,
            file,
            file);
      }
      if (count.untold > 0) {
        LOG.warn(
            "{} held {} keys of kinds of a newer version, which no file tells", node, count.untold);
      }
    } catch (IOException | UncheckedIOException | ExecutionException | TimeoutException e) {
      LOG.error("{} cannot write what it held to {}: it is lost", node, file, e);
    } catch (InterruptedException e) {
      LOG.error("{} was stopped before it could write what it held to {}", node, file);
      Thread.currentThread().interrupt();
    }
  }

  private static Count write(Path file, DataPlane plane, long nowMillis)
      throws IOException, ExecutionException, TimeoutException, InterruptedException {
    Count count = new Count();
    try (BufferedWriter out = Files.newBufferedWriter(file, StandardCharsets.UTF_8)) {
      plane.forEachSlot(
          slot -> {
            var lines = QuarantineLine.of(slot.key(), slot.entry(), nowMillis);
            boolean isLive = !slot.entry().isDead(nowMillis);
            count.keys += lines.isEmpty() ? 0 : 1;
            count.lines += lines.size();
            count.untold += lines.isEmpty() && isLive ? 1 : 0;
            try {
              for (String line : lines) {
                out.write(line);
                out.write('\n');
              }
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
          });
    }
    return count;
  }
}
