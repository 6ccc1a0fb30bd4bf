package dev.trellis.node;

import dev.trellis.node.control.MemberFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/// What a node of the SSD tier has left in its data folder.
public final class KeptData {
  private KeptData() {}

  /// Whether a node that starts with this folder has data: of a shard, and not given up by its
  /// cluster or handed over to it.
  public static boolean isIn(Path folder) {
    return shards(folder) > 0 && MemberFile.isOfUse(folder);
  }

  /// Takes note, for a node that does not run, that its cluster goes on without what it has: when
  /// it starts, it sets that aside and begins anew.
  public static void giveUp(Path folder) throws IOException {
    MemberFile.giveUp(folder);
  }

  /// Whether a path is the folder of a shard.
  public static boolean isShard(Path path) {
    return DataFolder.isShard(path) && Files.isDirectory(path);
  }

  /// How many shards have data in the folder.
  public static int shards(Path folder) {
    if (!Files.isDirectory(folder)) {
      return 0;
    }
    try (Stream<Path> all = Files.list(folder)) {
      return (int) all.filter(DataFolder::isShard).count();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot look into " + folder, e);
    }
  }
}
