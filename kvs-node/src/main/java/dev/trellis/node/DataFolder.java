package dev.trellis.node;

import dev.trellis.node.control.MemberFile;
import dev.trellis.process.StartupException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The folder of a node, while the node uses it: `member`, what it remembers of its cluster, and if
/// it keeps its data on disk, a folder for each shard.
final class DataFolder implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(DataFolder.class);
  private static final String SHARD = "shard-";

  private final FileChannel lock;
  private final MemberFile member;

  private DataFolder(FileChannel lock, MemberFile member) {
    this.lock = lock;
    this.member = member;
  }

  /// Takes the folder. What the cluster has given up is set aside, and the node starts as a new
  /// one.
  ///
  /// @param keepsData whether the node has its data again when it starts again
  /// @throws StartupException naming the folder, what is wrong with it and what to do
  static DataFolder take(Path folder, String clusterName, String nodeId, boolean keepsData) {
    requireWritable(folder);
    FileChannel lock = lock(folder);
    boolean taken = false;
    try {
      MemberFile member = MemberFile.open(folder, clusterName, nodeId, keepsData);
      if (member.hasLeft()) {
        // Others have all of it, and may have deleted some since.
        delete(folder);
        member = MemberFile.open(folder, clusterName, nodeId, keepsData);
      }
      if (member.isGone()) {
        Path aside = folder.resolve(asideName(member.lastLife()));
        setAside(folder, aside);
        LOG.warn(
            "the cluster went on without what node {} had: it is in {} now, and 'bin/trellis restore"
                + " {}' merges it",
            nodeId,
            aside,
            aside);
        member = MemberFile.open(folder, clusterName, nodeId, keepsData);
      }
      taken = true;
      return new DataFolder(lock, member);
    } catch (IOException e) {
      throw new StartupException("data.folder " + folder + " can't be set aside: " + reason(e), e);
    } finally {
      if (!taken) {
        close(lock);
      }
    }
  }

  private static FileChannel lock(Path folder) {
    try {
      FileChannel channel =
          FileChannel.open(
              folder.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      if (isFree(channel)) {
        return channel;
      }
      channel.close();
    } catch (IOException e) {
      throw new StartupException("data.folder " + folder + " can't be locked: " + reason(e), e);
    }
    throw new StartupException(
        "data.folder " + folder + " is in use by another process; end that, or use another folder");
  }

  private static boolean isFree(FileChannel channel) throws IOException {
    try {
      return channel.tryLock() != null;
    } catch (OverlappingFileLockException inThisProcess) {
      return false;
    }
  }

  /// The name of the folder for what a life of the node had that was given up.
  static String asideName(long incarnation) {
    return "gone-" + Long.toHexString(incarnation);
  }

  private static void setAside(Path folder, Path aside) throws IOException {
    Files.createDirectories(aside);
    List<Path> ours;
    try (Stream<Path> all = Files.list(folder)) {
      ours = new ArrayList<>(all.filter(DataFolder::isData).toList());
    }
    // That it is given up must be known until the last of it is away.
    ours.sort(Comparator.comparing((Path one) -> !isShard(one)));
    for (Path one : ours) {
      if (!isShard(one)) {
        sync(aside);
        sync(folder);
      }
      Files.move(one, aside.resolve(one.getFileName()), StandardCopyOption.ATOMIC_MOVE);
    }
    sync(folder);
  }

  private static void sync(Path folder) throws IOException {
    try (FileChannel directory = FileChannel.open(folder)) {
      directory.force(true);
    }
  }

  private static void delete(Path folder) throws IOException {
    List<Path> all;
    try (Stream<Path> files = Files.walk(folder)) {
      all =
          files
              .filter(
                  file ->
                      !file.equals(folder)
                          && isData(folder.resolve(folder.relativize(file).getName(0))))
              .sorted(Comparator.reverseOrder())
              .toList();
    }
    for (Path one : all) {
      Files.delete(one);
    }
  }

  private static boolean isData(Path path) {
    return isShard(path) || String.valueOf(path.getFileName()).equals(MemberFile.NAME);
  }

  /// Whether a file is the folder of a shard.
  static boolean isShard(Path path) {
    return String.valueOf(path.getFileName()).matches(SHARD + "\\d+");
  }

  /// Where a shard keeps its entries.
  static Path shard(Path folder, int shard) {
    return folder.resolve(SHARD + shard);
  }

  MemberFile member() {
    return member;
  }

  @Override
  public void close() {
    close(lock);
  }

  private static void close(FileChannel lock) {
    try {
      lock.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Makes sure that the folder is there and can be written, by writing to it.
  ///
  /// @throws StartupException naming the folder and what is wrong with it
  private static void requireWritable(Path folder) {
    try {
      Files.createDirectories(folder);
      Files.delete(Files.createTempFile(folder, "trellis", ".probe"));
    } catch (IOException e) {
      throw new StartupException(
          "data.folder "
              + folder
              + " cannot be written: "
              + reason(e)
              + "; name another folder, or give this user the right to write there",
          e);
    }
  }

  /// What is in the way, in words.
  static String reason(IOException e) {
    return switch (e) {
      case AccessDeniedException denied -> "access to " + denied.getFile() + " is denied";
      case FileAlreadyExistsException file -> file.getFile() + " is a file";
      case NoSuchFileException missing -> missing.getFile() + " is not there";
      case FileSystemException other when other.getReason() != null -> other.getReason();
      default -> String.valueOf(e.getMessage());
    };
  }
}
