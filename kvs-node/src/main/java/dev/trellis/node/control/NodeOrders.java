package dev.trellis.node.control;

import dev.trellis.node.membership.ShardProgress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/// What orders need of the node. Any thread may call it; nothing waits.
public interface NodeOrders {
  /// How far each shard has come, in shard order.
  List<ShardProgress> progress();

  /// Begins to hand over what the node holds, so as to leave.
  void leave();

  /// Begins to copy what the node has on disk into a folder, which is made.
  ///
  /// @return why it does not begin; empty if it does
  Optional<String> beginBackup(Path folder);

  /// How far the latest copy is.
  BackupProgress backup();

  /// Has every shard take entries as they stand from clients too, which otherwise only replicas may
  /// send.
  ///
  /// @param lease from now; zero to end it
  void admitMerges(Duration lease);
}
