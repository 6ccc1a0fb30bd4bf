package dev.trellis.deploy;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Failures;
import dev.trellis.node.store.ShardFiles;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// What SSD nodes have written, in a folder that somebody names: the data folder of a node, the
/// folder of one shard, or a backup.
///
/// @param manifest of a backup
/// @param shards their folders, in order
record StoredData(Path folder, Optional<BackupManifest> manifest, List<Path> shards) {
  private static final String WANTED =
      "name the data folder of an SSD node, one of the shard folders in it, or a backup";

  StoredData {
    shards = List.copyOf(shards);
  }

  /// Looks for what there is.
  ///
  /// @throws CommandFailure if it is none of these, naming the folder and what would be right
  static StoredData in(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw notUsable(
          Files.exists(folder) ? folder + " is a file and no folder" : folder + ": no such folder",
          WANTED);
    }
    try {
      Optional<BackupManifest> manifest = BackupManifest.in(folder);
      if (manifest.isPresent()) {
        return new StoredData(folder, manifest, manifest.get().shardFolders(folder));
      }
      if (Files.exists(folder.resolve(ShardFiles.DATA))) {
        return new StoredData(folder, Optional.empty(), List.of(folder));
      }
      List<Path> shards = shardsIn(folder);
      if (!shards.isEmpty()) {
        return new StoredData(folder, Optional.empty(), shards);
      }
      for (Path inner : foldersIn(folder)) {
        if (!shardsIn(inner).isEmpty()) {
          throw notUsable(
              folder
                  + " has no "
                  + BackupManifest.FILE
                  + ", so it is no backup, or one that was not finished",
              "name a finished one, or a folder in it, such as " + inner);
        }
      }
      throw notUsable(folder + " has no data of an SSD node in it", WANTED);
    } catch (IOException e) {
      throw unreadable(folder, e);
    }
  }

  /// Of a folder that can't be read, be it in use, of another format, or for what the system says.
  static CommandFailure unreadable(Path folder, IOException e) {
    String problem =
        e instanceof FileSystemException
            ? "cannot read " + Failures.of(folder, e)
            : String.valueOf(e.getMessage());
    return new CommandFailure(ExitCode.ENVIRONMENT, problem, e);
  }

  private static CommandFailure notUsable(String problem, String advice) {
    return new CommandFailure(ExitCode.ENVIRONMENT, problem + "; " + advice);
  }

  /// Whether it is the folder of one shard.
  boolean isShard() {
    return shards.contains(folder);
  }

  /// Shards in a backup that its manifest does not tell of, in words.
  List<String> strangers() throws IOException {
    List<String> found = new ArrayList<>();
    if (manifest.isPresent()) {
      for (Path inner : foldersIn(folder)) {
        for (Path shard : shardsIn(inner)) {
          if (!shards.contains(shard)) {
            found.add(nameOf(shard) + " is there, and " + BackupManifest.FILE + " does not say so");
          }
        }
      }
    }
    return found;
  }

  /// The folders of shards in a folder, in the order of their numbers.
  static List<Path> shardsIn(Path folder) throws IOException {
    return foldersIn(folder).stream()
        .filter(inner -> inner.getFileName().toString().matches("shard-\\d{1,3}"))
        .sorted(Comparator.comparingInt(StoredData::numberOf))
        .toList();
  }

  static List<Path> foldersIn(Path folder) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(Files::isDirectory).sorted().toList();
    }
  }

  /// The number in the name of a shard's folder.
  static int numberOf(Path shard) {
    return Integer.parseInt(shard.getFileName().toString().substring("shard-".length()));
  }

  /// What a shard's folder is called, for people: its path below the folder that was named.
  String nameOf(Path shard) {
    return shard.equals(folder) ? folder.toString() : folder.relativize(shard).toString();
  }

  /// The size of a shard's file; 0 if there is none.
  static long fileBytes(Path shard) {
    return shard.resolve(ShardFiles.DATA).toFile().length();
  }
}
