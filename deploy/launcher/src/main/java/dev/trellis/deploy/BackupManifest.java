package dev.trellis.deploy;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Failures;
import dev.trellis.cli.Json;
import dev.trellis.cli.JsonObject;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongConsumer;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/// What is in a backup, written when all else is: a backup without it was not finished.
///
/// @param cluster the name of the cluster whose data these are
/// @param time when the backup began: what was durable then is in it
/// @param version of Trellis that made it
record BackupManifest(String cluster, Instant time, String version, List<Shard> shards) {
  static final String FILE = "manifest.json";

  /// What this version writes, and the only one that it reads.
  static final long FORMAT = 1;

  private static final int READ_BYTES = 1 << 20;

  BackupManifest {
    shards = List.copyOf(shards);
  }

  /// A shard's folder, `NODE/shard-N`, with one file in it.
  ///
  /// @param bytes the size of the file
  /// @param checksum CRC32C of the file, in hexadecimal digits
  record Shard(String node, int shard, long keys, String file, long bytes, String checksum) {
    Path folder(Path backup) {
      return backup.resolve(folderName(node)).resolve("shard-" + shard);
    }

    private Map<String, @Nullable Object> json() {
      Map<String, @Nullable Object> json = new LinkedHashMap<>();
      json.put("node", node);
      json.put("shard", shard);
      json.put("keys", keys);
      json.put("file", file);
      json.put("bytes", bytes);
      json.put("crc32c", checksum);
      return json;
    }

    private static Shard ofJson(JsonObject json) {
      return new Shard(
          json.text("node"),
          Math.toIntExact(json.whole("shard")),
          json.whole("keys"),
          simple(json.text("file")),
          json.whole("bytes"),
          json.text("crc32c"));
    }

    /// A name must not lead out of the backup.
    private static String simple(String name) {
      if (name.isEmpty() || name.contains("/") || name.equals("..") || name.equals(".")) {
        throw new IllegalArgumentException("'" + name + "' is no name of a file");
      }
      return name;
    }
  }

  /// Reads the manifest of a backup; empty if there is none.
  ///
  /// @throws CommandFailure if it is damaged or of another format
  static Optional<BackupManifest> in(Path backup) {
    Path file = backup.resolve(FILE);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      JsonObject json = JsonObject.of(Json.read(Files.readString(file)));
      long format = json.whole("format");
      if (format != FORMAT) {
        throw new CommandFailure(
            ExitCode.ENVIRONMENT,
            "backup "
                + backup
                + " is in format "
                + format
                + ", this version reads format "
                + FORMAT
                + "; use the version that made it"
                + (json.members().get("version") instanceof String made ? ", " + made : ""));
      }
      String checksum = json.text("crc32c");
      if (!checksum.equals(checksumOf(json.members()))) {
        throw new IllegalArgumentException("its checksum is wrong");
      }
      return Optional.of(
          new BackupManifest(
              json.text("cluster"),
              Instant.parse(json.text("time")),
              json.text("version"),
              json.objects("shards").stream().map(Shard::ofJson).toList()));
    } catch (IllegalArgumentException | ArithmeticException | DateTimeParseException e) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT,
          file
              + " is damaged: "
              + e.getMessage()
              + "; what it told of is still there: name a node's folder in "
              + backup
              + " instead",
          e);
    } catch (IOException e) {
      throw new CommandFailure(ExitCode.ENVIRONMENT, "cannot read " + Failures.of(file, e), e);
    }
  }

  /// Over the whole document but the checksum itself.
  private static String checksumOf(Map<?, ?> json) {
    Map<Object, @Nullable Object> rest = new LinkedHashMap<>(json);
    rest.remove("crc32c");
    CRC32C crc = new CRC32C();
    crc.update(Json.write(rest).getBytes(StandardCharsets.UTF_8));
    return hex(crc);
  }

  private static String hex(CRC32C crc) {
    return String.format("%08x", crc.getValue());
  }

  /// Writes it, whole or not at all, and has it synced.
  void write(Path backup) throws IOException {
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("format", FORMAT);
    json.put("cluster", cluster);
    json.put("time", time.toString());
    json.put("version", version);
    List<@Nullable Object> list = new ArrayList<>();
    shards.forEach(shard -> list.add(shard.json()));
    json.put("shards", list);
    json.put("crc32c", checksumOf(json));
    Path unfinished = backup.resolve(FILE + ".unfinished");
    try (FileChannel file =
        FileChannel.open(unfinished, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      ByteBuffer text = ByteBuffer.wrap((Json.write(json) + "\n").getBytes(StandardCharsets.UTF_8));
      while (text.hasRemaining()) {
        file.write(text);
      }
      file.force(true);
    }
    Files.move(unfinished, backup.resolve(FILE), StandardCopyOption.ATOMIC_MOVE);
    sync(backup);
  }

  /// Has what was written to a file or folder synced.
  static void sync(Path path) throws IOException {
    try (FileChannel channel = FileChannel.open(path)) {
      channel.force(true);
    }
  }

  /// The folders of the shards in a backup.
  List<Path> shardFolders(Path backup) {
    return shards.stream().map(shard -> shard.folder(backup)).toList();
  }

  /// What the folder of a node is called: as the node, but for what a path can't have.
  static String folderName(String node) {
    return node.matches("[A-Za-z0-9_-][A-Za-z0-9._-]*")
        ? node
        : "%" + URLEncoder.encode(node, StandardCharsets.UTF_8);
  }

  /// The CRC32C of a file in hexadecimal digits.
  ///
  /// @param read is told now and then how many bytes were read
  static String checksum(Path file, LongConsumer read) throws IOException {
    CRC32C crc = new CRC32C();
    ByteBuffer buffer = ByteBuffer.allocateDirect(READ_BYTES);
    long bytes = 0;
    try (FileChannel channel = FileChannel.open(file)) {
      while (channel.read(buffer) >= 0) {
        bytes += buffer.flip().remaining();
        crc.update(buffer);
        buffer.clear();
        read.accept(bytes);
      }
    }
    return hex(crc);
  }

  /// What is wrong with the file of a shard, going by its size and checksum; empty if nothing is.
  static Optional<String> problem(Path backup, Shard shard, LongConsumer read) throws IOException {
    Path file = shard.folder(backup).resolve(shard.file());
    if (!Files.exists(file)) {
      return Optional.of(file + " is not there");
    }
    long bytes = Files.size(file);
    if (bytes != shard.bytes()) {
      return Optional.of(
          file + " has " + bytes + " bytes, and " + FILE + " tells of " + shard.bytes());
    }
    String found = checksum(file, read);
    return found.equals(shard.checksum())
        ? Optional.empty()
        : Optional.of(
            file + " has checksum " + found + ", and " + FILE + " tells of " + shard.checksum());
  }
}
