package dev.trellis.deploy.security;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Failures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;

/// Files below one folder, which only their owner may open, and changes to them that are made
/// together: all are known before the first is written, each file is replaced at once, and they are
/// replaced in the order in which they were noted.
final class SecretFiles {
  private static final Set<PosixFilePermission> FOLDER =
      PosixFilePermissions.fromString("rwx------");
  private static final Set<PosixFilePermission> SECRET =
      PosixFilePermissions.fromString("rw-------");
  private static final Set<PosixFilePermission> PUBLIC =
      PosixFilePermissions.fromString("rw-r--r--");
  private static final Set<PosixFilePermission> OF_OTHERS =
      EnumSet.of(
          PosixFilePermission.GROUP_READ,
          PosixFilePermission.GROUP_WRITE,
          PosixFilePermission.GROUP_EXECUTE,
          PosixFilePermission.OTHERS_READ,
          PosixFilePermission.OTHERS_WRITE,
          PosixFilePermission.OTHERS_EXECUTE);

  private final Path root;
  private final Map<Path, Optional<Draft>> drafts = new LinkedHashMap<>(); // empty to delete

  private record Draft(String text, boolean isSecret) {}

  SecretFiles(Path root) {
    this.root = root;
  }

  Path root() {
    return root;
  }

  // What is there, with the changes that were noted.

  boolean exists(Path file) {
    return drafts.containsKey(file)
        ? drafts.get(file).isPresent()
        : Files.isRegularFile(root.resolve(file));
  }

  /// @throws CommandFailure if it cannot be read
  String text(Path file) {
    if (drafts.containsKey(file)) {
      return drafts.get(file).map(Draft::text).orElse("");
    }
    try {
      return Files.readString(root.resolve(file));
    } catch (IOException e) {
      throw cannot("read", root.resolve(file), e);
    }
  }

  List<String> lines(Path file) {
    return text(file)
        .lines()
        .map(String::strip)
        .filter(line -> !line.isEmpty() && !line.startsWith("#"))
        .toList();
  }

  /// The folders in one of them, sorted, those included that were noted.
  List<Path> folders(Path in) {
    Set<Path> names = new LinkedHashSet<>();
    Path folder = root.resolve(in);
    if (Files.isDirectory(folder)) {
      try (Stream<Path> all = Files.list(folder)) {
        all.filter(Files::isDirectory).map(root::relativize).sorted().forEach(names::add);
      } catch (IOException e) {
        throw cannot("read", folder, e);
      }
    }
    for (Path file : drafts.keySet()) {
      if (file.startsWith(in) && file.getNameCount() > in.getNameCount() + 1) {
        names.add(file.subpath(0, in.getNameCount() + 1));
      }
    }
    return List.copyOf(names);
  }

  // Changes.

  void secret(Path file, String text) {
    note(file, Optional.of(new Draft(text, true)));
  }

  void open(Path file, String text) {
    note(file, Optional.of(new Draft(text, false)));
  }

  void delete(Path file) {
    note(file, Optional.empty());
  }

  private void note(Path file, Optional<Draft> draft) {
    drafts.remove(file); // the order is that of the last change
    drafts.put(file, draft);
  }

  /// Makes the folder, with all in it, or nothing.
  ///
  /// @throws CommandFailure if there is something already, or it cannot be written
  void create() {
    Path parent = Optional.ofNullable(root.getParent()).orElse(Path.of("/"));
    try {
      if (Files.exists(root) && !isEmptyFolder(root)) {
        throw new CommandFailure(
            ExitCode.MISUSE,
            root
                + " is there already, and is left as it is; give another folder, or see 'security"
                + " add', 'security rotate' and 'security status'");
      }
      Files.createDirectories(parent);
      Path made = parent.resolve("." + root.getFileName() + "." + UUID.randomUUID());
      try {
        Files.createDirectory(made, PosixFilePermissions.asFileAttribute(FOLDER));
        writeTo(made);
        Files.move(made, root, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        deleteTree(made);
      }
    } catch (IOException e) {
      throw cannot("write", root, e);
    }
  }

  private static boolean isEmptyFolder(Path path) throws IOException {
    if (!Files.isDirectory(path)) {
      return false;
    }
    try (Stream<Path> all = Files.list(path)) {
      return all.findAny().isEmpty();
    }
  }

  private static void deleteTree(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    List<Path> all;
    try (Stream<Path> files = Files.walk(folder)) {
      all = new ArrayList<>(files.toList());
    }
    for (Path file : all.reversed()) {
      Files.delete(file);
    }
  }

  /// Makes the changes.
  ///
  /// @throws CommandFailure if one of them cannot be made; those before it are
  void change() {
    try {
      writeTo(root);
      drafts.clear();
    } catch (IOException e) {
      throw cannot("write", root, e);
    }
  }

  private void writeTo(Path folder) throws IOException {
    for (Map.Entry<Path, Optional<Draft>> entry : drafts.entrySet()) {
      Path file = folder.resolve(entry.getKey());
      if (entry.getValue().isPresent()) {
        createFolders(folder, entry.getKey());
        write(file, entry.getValue().get());
      } else {
        Files.deleteIfExists(file);
      }
    }
  }

  private static void createFolders(Path root, Path file) throws IOException {
    for (int names = 1; names < file.getNameCount(); names++) {
      Path folder = root.resolve(file.subpath(0, names));
      if (!Files.isDirectory(folder)) {
        Files.createDirectory(folder, PosixFilePermissions.asFileAttribute(FOLDER));
        Files.setPosixFilePermissions(folder, FOLDER);
      }
    }
  }

  /// What is secret is so from its first byte on.
  private static void write(Path file, Draft draft) throws IOException {
    Path written = file.resolveSibling("." + file.getFileName() + ".new");
    Files.deleteIfExists(written);
    Files.createFile(written, PosixFilePermissions.asFileAttribute(SECRET));
    Files.writeString(written, draft.text);
    Files.setPosixFilePermissions(written, draft.isSecret ? SECRET : PUBLIC);
    Files.move(written, file, StandardCopyOption.ATOMIC_MOVE);
  }

  // How open it is.

  /// Folders and secret files that others than their owner may open, relative to the root.
  List<Path> tooOpen() {
    try (Stream<Path> all = Files.walk(root)) {
      List<Path> found = new ArrayList<>();
      for (Path path : all.sorted().toList()) {
        PosixFileAttributes attributes = Files.readAttributes(path, PosixFileAttributes.class);
        boolean guarded = attributes.isDirectory() || isSecret(String.valueOf(path.getFileName()));
        if (guarded && attributes.permissions().stream().anyMatch(OF_OTHERS::contains)) {
          found.add(root.relativize(path));
        }
      }
      return found;
    } catch (IOException e) {
      throw cannot("read", root, e);
    }
  }

  /// Certificates and public keys are not.
  private static boolean isSecret(String name) {
    return !name.endsWith(".crt") && !name.endsWith(".pub") && !name.equals("curve.known");
  }

  private static CommandFailure cannot(String what, Path path, IOException failure) {
    return new CommandFailure(
        ExitCode.ENVIRONMENT, "cannot " + what + " " + Failures.of(path, failure), failure);
  }
}
