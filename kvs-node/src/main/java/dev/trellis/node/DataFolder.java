package dev.trellis.node;

import dev.trellis.process.StartupException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/// The folder that a node may write to.
final class DataFolder {
  private DataFolder() {}

  /// Makes sure that the folder is there and can be written, by writing to it.
  ///
  /// @throws StartupException naming the folder and what is wrong with it
  static void requireWritable(Path folder) {
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

  private static String reason(IOException e) {
    return switch (e) {
      case AccessDeniedException denied -> "access to " + denied.getFile() + " is denied";
      case FileAlreadyExistsException file -> file.getFile() + " is a file";
      case NoSuchFileException missing -> missing.getFile() + " is not there";
      case FileSystemException other when other.getReason() != null -> other.getReason();
      default -> String.valueOf(e.getMessage());
    };
  }
}
