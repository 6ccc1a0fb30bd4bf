package dev.trellis.node.net;

import dev.trellis.lattice.Payload;
import dev.trellis.node.shard.WireSize;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Outcome;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/// One scan over all shards of the node, of which each gives a page; together they make one.
final class NodeScan {
  private static final long PAGE_BYTES = 1 << 20;

  private final Frame.Scan asked;
  private final int shards;
  private final List<Frame.Scanned> pages = new ArrayList<>();

  NodeScan(Frame.Scan asked, int shards) {
    this.asked = asked;
    this.shards = shards;
  }

  /// Takes the page of one shard; returns the whole once all have given theirs.
  Optional<Frame.Scanned> add(Frame.Scanned page) {
    pages.add(page);
    return pages.size() < shards ? Optional.empty() : Optional.of(merged());
  }

  private Frame.Scanned merged() {
    Optional<Outcome.Failed> failure =
        pages.stream().flatMap(page -> page.failure().stream()).findFirst();
    if (failure.isPresent()) {
      return new Frame.Scanned(asked.id(), List.of(), false, failure);
    }
    // Behind the end of a page that has more, keys of its shard may be missing.
    Optional<Payload> end =
        pages.stream()
            .filter(Frame.Scanned::more)
            .map(page -> page.keys().getLast().key())
            .min(Comparator.naturalOrder());
    List<Frame.ScannedKey> all =
        pages.stream()
            .flatMap(page -> page.keys().stream())
            .sorted(Comparator.comparing(Frame.ScannedKey::key))
            .toList();
    List<Frame.ScannedKey> taken = new ArrayList<>();
    long size = 0;
    for (Frame.ScannedKey key : all) {
      // Several shards hold a key that is placed so.
      if (!taken.isEmpty() && taken.getLast().key().equals(key.key())) {
        continue;
      }
      boolean beyond = end.isPresent() && key.key().compareTo(end.get()) > 0;
      if (beyond || taken.size() == asked.limit() || size >= PAGE_BYTES) {
        break;
      }
      size += WireSize.of(key);
      taken.add(key);
    }
    boolean more =
        end.isPresent()
            || (!taken.isEmpty() && taken.getLast().key().compareTo(all.getLast().key()) < 0);
    return new Frame.Scanned(asked.id(), taken, more, Optional.empty());
  }
}
