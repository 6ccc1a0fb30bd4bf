package dev.trellis.node.net;

import dev.trellis.node.shard.WireSize;
import dev.trellis.wire.Frame;
import dev.trellis.wire.PlainReply;
import dev.trellis.wire.Reply;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A connection of another shard of this node, as seen by the shard whose keys it asks for. Its
/// errands are done in order, and only while its client reads the results; the rest waits here, at
/// most as many as one connection may have under way.
final class PassedConnection implements Recipient {
  private final ShardServer shard;
  private final Passage passage;
  private final ArrayDeque<Errand> waiting = new ArrayDeque<>();
  private List<Errand.Delivery> ready = new ArrayList<>();
  private boolean changes; // whether the shard may have some for this connection
  private boolean closed;

  PassedConnection(ShardServer shard, Passage passage) {
    this.shard = shard;
    this.passage = passage;
  }

  void accept(List<Errand> errands) {
    waiting.addAll(errands);
    shard.tallies().requestsQueued.add(errands.size());
    advance();
  }

  /// Does what waits, as far as there is room.
  void advance() {
    while (passage.hasRoom()) {
      if (changes) {
        nextChange();
      } else if (!waiting.isEmpty()) {
        shard.tallies().requestsQueued.add(-1);
        carryOut(waiting.remove());
      } else {
        return;
      }
    }
  }

  /// The connection is gone.
  void close() {
    closed = true;
    shard.tallies().requestsQueued.add(-waiting.size());
    waiting.clear();
    ready.clear();
  }

  @Override
  public void reply(Reply reply) {
    deliver(new Errand.Answered(reply, WireSize.of(reply)));
  }

  @Override
  public void reply(PlainReply reply) {
    reply(reply.toReply());
  }

  @Override
  public void changesPending() {
    changes = true;
    shard.touch(this);
  }

  @Override
  public void settle() {
    advance();
    if (!ready.isEmpty()) {
      passage.deliver(ready);
      ready = new ArrayList<>();
    }
  }

  private void nextChange() {
    Optional<Frame.Changed> changed = shard.nextChange(passage.origin());
    changed.ifPresentOrElse(
        change -> deliver(new Errand.Change(change, WireSize.of(change.reply()))),
        () -> changes = false);
  }

  private void carryOut(Errand errand) {
    switch (errand) {
      case Errand.Handling handling -> shard.handle(passage.origin(), handling.request());
      case Errand.Awaiting awaiting -> {
        shard.handle(passage.origin(), awaiting.request());
        deliver(new Errand.Done());
      }
      case Errand.Watching watching -> {
        shard.watch(passage.origin(), watching.watch());
        deliver(new Errand.Done());
      }
      case Errand.Unwatching unwatching -> {
        shard.unwatch(passage.origin(), unwatching.watchId());
        deliver(new Errand.Done());
      }
      case Errand.Confirming confirming ->
          deliver(new Errand.Confirmed(confirming.pong(), shard.asOf()));
      case Errand.Scanning scanning ->
          shard.scan(
              passage,
              scanning.asked(),
              () -> !closed,
              page -> {
                if (!closed) {
                  deliver(new Errand.Page(scanning.scan(), page, WireSize.of(page)));
                }
              });
    }
  }

  private void deliver(Errand.Delivery delivery) {
    passage.promise(delivery.bytes());
    ready.add(delivery);
    shard.touch(this);
  }
}
