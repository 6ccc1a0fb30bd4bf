package dev.trellis.node;

import dev.trellis.node.control.BackupProgress;
import dev.trellis.node.control.ControlPlane;
import dev.trellis.node.control.MemberFile;
import dev.trellis.node.control.NodeOrders;
import dev.trellis.node.membership.Lifecycle;
import dev.trellis.node.membership.Membership;
import dev.trellis.node.membership.MembershipView;
import dev.trellis.node.membership.ShardProgress;
import dev.trellis.node.net.DataPlane;
import dev.trellis.process.StartupException;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.NodeDescriptor.State;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Carries out what [Lifecycle] decides: hands each view to the shards, and their progress back. On
/// a thread of its own, but for what is said otherwise.
final class MemberLife implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(MemberLife.class);
  private static final long STEP_MILLIS = 50;

  private final DataPlane plane;
  private final ControlPlane control;
  private final NodeBackup backup;
  private final NodeDescriptor self;
  private final boolean alone;
  private final Optional<Path> folder;
  private final Optional<MemberFile> file;
  private final boolean keepsData; // when it starts again
  private final Lifecycle lifecycle;
  private final CompletableFuture<Throwable> failure = new CompletableFuture<>();
  private final CompletableFuture<Void> finished = new CompletableFuture<>();
  private final ScheduledExecutorService thread;
  private volatile boolean leaving; // set by any thread
  private boolean founded;
  private Lifecycle.Step last = Lifecycle.Step.WAIT;

  /// @param alone whether the node is its only member, and remains so
  /// @param folder of the node's data, and for what it holds if it is declared gone; empty for none
  /// @param file where it remembers its cluster; empty for nowhere
  MemberLife(
      DataPlane plane,
      ControlPlane control,
      NodeBackup backup,
      NodeDescriptor self,
      boolean alone,
      Optional<Path> folder,
      Optional<MemberFile> file) {
    this.folder = folder;
    this.file = file;
    this.keepsData = file.filter(MemberFile::keepsData).isPresent();
    this.plane = plane;
    this.control = control;
    this.backup = backup;
    this.self = self;
    this.alone = alone;
    this.lifecycle = control.lifecycle(self, file.map(MemberFile::former).orElse(List.of()));
    this.thread =
        Executors.newSingleThreadScheduledExecutor(
            work -> {
              Thread made = new Thread(work, "life-" + self.id());
              made.setDaemon(true);
              return made;
            });
  }

  /// Joins, and opens the data plane. To be called once.
  void begin() {
    Membership joined =
        control.join(
            self,
            new NodeOrders() {
              @Override
              public List<ShardProgress> progress() {
                return plane.progress();
              }

              @Override
              public void leave() {
                MemberLife.this.leave();
              }

              @Override
              public Optional<String> beginBackup(Path target) {
                return backup.begin(target);
              }

              @Override
              public BackupProgress backup() {
                return backup.progress();
              }

              @Override
              public void admitMerges(Duration lease) {
                plane.admitMerges(lease);
              }
            },
            file);
    plane.membership(joined.view());
    if (alone) {
      plane.found();
    }
    plane.open();
    var _ = plane.failure().thenAccept(failure::complete);
    var _ = control.failure().thenAccept(failure::complete);
    if (!alone) {
      joined.listen(
          view -> {
            // What was given up must not get to anybody.
            if (!lifecycle.isGivenUp(view) || !keepsData) {
              plane.membership(view);
            }
            execute(() -> step(joined));
          });
      var _ =
          thread.scheduleWithFixedDelay(
              () -> guarded(() -> step(joined)), STEP_MILLIS, STEP_MILLIS, TimeUnit.MILLISECONDS);
    }
  }

  private void execute(Runnable work) {
    try {
      thread.execute(() -> guarded(work));
    } catch (RejectedExecutionException e) {
      LOG.debug("the node stops", e);
    }
  }

  private void guarded(Runnable work) {
    try {
      work.run();
    } catch (RuntimeException | Error defect) {
      failure.complete(defect);
      throw defect;
    }
  }

  private void step(Membership joined) {
    MembershipView view = joined.view();
    Lifecycle.Step next = lifecycle.next(view, plane.progress(), founded, leaving);
    boolean isNew = next != last;
    last = next;
    switch (next) {
      case WAIT -> joined.announceComplete(false);
      case COMPLETE -> joined.announceComplete(true);
      case FOUND -> {
        LOG.info(
            "node {} founds cluster with {}",
            self.id(),
            view.topology().members().stream().map(NodeDescriptor::id).toList());
        founded = true;
        plane.found();
      }
      case ACTIVATE -> announce(joined, State.ACTIVE, isNew);
      case START_LEAVING -> announce(joined, State.LEAVING, isNew);
      case LEAVE -> {
        LOG.info("node {} has handed over all it held and leaves", self.id());
        thread.shutdown();
        if (keepsData) {
          file.orElseThrow().leave();
        }
        joined.leave();
        finished.complete(null);
      }
      case GIVE_UP -> giveUp(isNew);
    }
  }

  private void giveUp(boolean isNew) {
    if (isNew && !keepsData) {
      Quarantine.write(folder, self, plane, Instant.now());
    }
    if (keepsData) {
      file.orElseThrow().giveUp();
    }
    String disk =
        !keepsData
            ? ""
            : "; its data are set aside then, in "
                + folder.map(f -> f.resolve(DataFolder.asideName(self.incarnation()))).orElseThrow()
                + ", from where 'bin/trellis restore' merges them";
    failure.complete(
        new StartupException(
            "node "
                + self.id()
                + " was declared gone while the cluster went on without it; start it again,"
                + " and it joins as a new one"
                + disk));
  }

  /// Announced at each step until the view shows it.
  private void announce(Membership joined, State state, boolean isNew) {
    if (isNew) {
      LOG.info("node {} is {}", self.id(), state.word());
    }
    joined.announce(state);
  }

  /// Begins to leave. Any thread.
  void leave() {
    leaving = true;
  }

  /// Completes, with the reason, if the node must not go on.
  CompletableFuture<Throwable> failure() {
    return failure;
  }

  /// Completes when the node has left.
  CompletableFuture<Void> finished() {
    return finished;
  }

  @Override
  public void close() {
    thread.shutdownNow();
  }
}
