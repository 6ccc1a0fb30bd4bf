package dev.trellis.cli;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// What went wrong with a file, in words.
public final class Failures {
  private Failures() {}

  /// Names the file and the reason, such as `notes.txt: no such file`.
  ///
  /// @param file null for a standard stream
  public static String of(@Nullable Path file, IOException failure) {
    String reason =
        switch (failure) {
          case NoSuchFileException missing -> "no such file";
          case AccessDeniedException denied -> "permission denied";
          case FileSystemException other when other.getReason() != null -> other.getReason();
          default -> String.valueOf(failure.getMessage());
        };
    return (file == null ? "a standard stream" : file) + ": " + reason;
  }
}
