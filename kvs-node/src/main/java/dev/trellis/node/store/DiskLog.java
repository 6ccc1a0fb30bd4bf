package dev.trellis.node.store;

import dev.trellis.lattice.Payload;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/// What has been handed over to be written and is not in its place in [DiskFiles] yet, one after
/// the other in a file, as writing it there is quick: no page has to be read, and a sync finds all
/// of it side by side.
///
/// Two files take turns. While one is filled, what is in the other gets to its place; then that is
/// written over. Each filling has a *generation*, which every frame in it names, so what is left of
/// an earlier one is not taken for the present one's. Up to which generation all is in its place is
/// noted there, in the transaction that brings it there: what is left of those is passed over at
/// the next start, whatever of it is still in a file, since newer things may be in place by then. A
/// frame has a checksum; the first that is not as it was written ends the file.
///
/// | bytes of a frame | |
/// |---|---|
/// | 4 | checksum of all that follows |
/// | 4 | length of the body |
/// | 8 | generation |
/// | | changes: `P`, the value as in `records`; `R`, the key; `N`, a word and what is noted; `C`, a range |
///
/// Confined to one thread at a time.
final class DiskLog implements Commits.Log, AutoCloseable {
  private static final int FILES = 2;
  private static final int HEADER_BYTES = 2 * Integer.BYTES + Long.BYTES;
  private static final int BUFFER_BYTES = 256 << 10;

  /// The word under which the generation is noted that is in its place.
  private static final String PLACED = "log placed";

  private static final byte PUT = 'P';
  private static final byte REMOVE = 'R';
  private static final byte NOTE = 'N';
  private static final byte RECOUNT = 'C';

  /// What was in a file, in order.
  ///
  /// @param generation 0 if there is nothing
  private record Filling(long generation, List<Commits.Batch> batches) {}

  private final FileChannel[] files = new FileChannel[FILES];
  private final SsdStore.Meter meter;
  private ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER_BYTES);
  private long generation;
  private long position; // in the file of this generation

  private DiskLog(SsdStore.Meter meter) {
    this.meter = meter;
  }

  /// Opens the files of a folder, which are made if they are not there.
  ///
  /// @param recover is given what was not sure to be in its place, in order; what it returns from
  ///   is there
  /// @param placed what is noted of the generations that are in their place
  static DiskLog open(
      Path folder, Commits.Target recover, Optional<Payload> placed, SsdStore.Meter meter)
      throws IOException {
    DiskLog log = new DiskLog(meter);
    boolean opened = false;
    try {
      List<Filling> fillings = new ArrayList<>();
      for (int number = 0; number < FILES; number++) {
        FileChannel file =
            FileChannel.open(
                path(folder, number),
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE);
        log.files[number] = file;
        fillings.add(read(file));
      }
      long last = generationIn(placed);
      List<Filling> left = notInPlace(fillings, last);
      if (!left.isEmpty()) {
        last = left.getLast().generation;
        recover.commit(noted(merged(left), last));
      }
      log.begin(last + 1);
      opened = true;
      return log;
    } finally {
      if (!opened) {
        log.close();
      }
    }
  }

  /// The word under which it is noted up to where all is in its place.
  static String placedWord() {
    return PLACED;
  }

  private static long generationIn(Optional<Payload> placed) {
    return placed.map(noted -> noted.asByteBuffer().getLong()).orElse(0L);
  }

  /// In their order.
  private static List<Filling> notInPlace(List<Filling> fillings, long placed) {
    return fillings.stream()
        .filter(filling -> filling.generation > placed)
        .sorted(Comparator.comparingLong(Filling::generation))
        .toList();
  }

  private static Commits.Batch noted(Commits.Batch batch, long placed) {
    return batch.with(
        PLACED, Payload.of(ByteBuffer.allocate(Long.BYTES).putLong(0, placed).array()));
  }

  /// What may not be in its place yet, of a folder that nobody writes to; the last of each key.
  ///
  /// @param placed what is noted of the generations that are in their place
  static List<DiskChange> changes(Path folder, Optional<Payload> placed) throws IOException {
    List<Filling> fillings = new ArrayList<>();
    for (Path path : paths(folder)) {
      try (FileChannel file = FileChannel.open(path, StandardOpenOption.READ)) {
        fillings.add(read(file));
      }
    }
    return merged(notInPlace(fillings, generationIn(placed))).changes();
  }

  private static Commits.Batch merged(List<Filling> fillings) {
    List<Commits.Batch> all = new ArrayList<>();
    fillings.forEach(filling -> all.addAll(filling.batches));
    return Commits.Batch.merged(all);
  }

  /// The files of a folder that are there.
  static List<Path> paths(Path folder) {
    List<Path> found = new ArrayList<>();
    for (int number = 0; number < FILES; number++) {
      Path path = path(folder, number);
      if (Files.exists(path)) {
        found.add(path);
      }
    }
    return found;
  }

  private static Path path(Path folder, int number) {
    return folder.resolve("log-" + number);
  }

  @Override
  public long bytes() {
    return position;
  }

  /// Begins to write over the file that was filled before the last one.
  @Override
  public UnaryOperator<Commits.Batch> beginNext() {
    long filled = generation;
    begin(generation + 1);
    return batch -> noted(batch, filled);
  }

  private void begin(long next) {
    generation = next;
    position = 0;
  }

  private FileChannel file() {
    return files[(int) (generation % FILES)];
  }

  /// Lets go of the space of all of it, which must be in its place. Nothing depends on how much of
  /// that is done.
  void clear() throws IOException {
    for (FileChannel file : files) {
      file.truncate(0);
    }
    position = 0;
  }

  // ---- Writing ----

  @Override
  public void append(Collection<Commits.Batch> batches) throws IOException {
    long began = System.nanoTime();
    int changes = 0;
    buffer.clear().position(HEADER_BYTES);
    for (Commits.Batch batch : batches) {
      batch.changes().forEach(this::write);
      changes += batch.changes().size();
      batch
          .notes()
          .forEach(
              (word, text) -> {
                byte[] name = word.getBytes(StandardCharsets.UTF_8);
                room(1 + 2 * Integer.BYTES + name.length + text.size());
                buffer.put(NOTE).putInt(name.length).put(name).putInt(text.size());
                buffer.put(text.asByteBuffer());
              });
      for (int range : batch.recounted()) {
        room(1 + Integer.BYTES);
        buffer.put(RECOUNT).putInt(range);
      }
    }
    int length = buffer.position() - HEADER_BYTES;
    buffer.putInt(Integer.BYTES, length).putLong(2 * Integer.BYTES, generation);
    buffer.putInt(0, checksum(buffer.slice(Integer.BYTES, Integer.BYTES + Long.BYTES + length)));
    buffer.flip();
    FileChannel file = file();
    long at = position;
    while (buffer.hasRemaining()) {
      at += file.write(buffer, at);
    }
    long prepared = System.nanoTime();
    file.force(false);
    position = at;
    long now = System.nanoTime();
    meter.synced(changes, now - began, now - prepared);
    if (buffer.capacity() > BUFFER_BYTES) {
      buffer = ByteBuffer.allocateDirect(BUFFER_BYTES); // one large value needs no room for ever
    }
  }

  private void write(DiskChange change) {
    byte[] record = change.record();
    if (record == null) {
      Payload key = change.key().key();
      room(1 + Integer.BYTES + key.size());
      buffer.put(REMOVE).putInt(key.size()).put(key.asByteBuffer());
      return;
    }
    room(1 + Integer.BYTES + record.length);
    buffer.put(PUT).putInt(record.length).put(record);
  }

  private void room(int bytes) {
    if (buffer.remaining() < bytes) {
      int wanted = Math.addExact(buffer.position(), bytes);
      ByteBuffer larger = ByteBuffer.allocateDirect(Math.max(wanted, 2 * buffer.capacity()));
      larger.put(buffer.flip());
      buffer = larger;
    }
  }

  private static int checksum(ByteBuffer bytes) {
    CRC32C crc = new CRC32C();
    crc.update(bytes);
    return (int) crc.getValue();
  }

  // ---- Reading ----

  private static Filling read(FileChannel file) throws IOException {
    List<Commits.Batch> batches = new ArrayList<>();
    long generation = 0;
    long at = 0;
    ByteBuffer frame = frame(file, at, file.size());
    while (frame != null) {
      long named = frame.getLong(2 * Integer.BYTES);
      if (generation != 0 && named != generation) {
        break; // left of an earlier filling
      }
      generation = named;
      at += frame.limit();
      batches.add(batch(frame.position(HEADER_BYTES)));
      frame = frame(file, at, file.size());
    }
    return new Filling(generation, batches);
  }

  /// The frame at a place of the file; null if there is none as it was written.
  private static @Nullable ByteBuffer frame(FileChannel file, long at, long size)
      throws IOException {
    if (at + HEADER_BYTES > size) {
      return null;
    }
    ByteBuffer header = ByteBuffer.allocate(HEADER_BYTES);
    fill(file, header, at);
    int length = header.getInt(Integer.BYTES);
    if (length < 0 || at + HEADER_BYTES + length > size) {
      return null;
    }
    ByteBuffer frame = ByteBuffer.allocate(HEADER_BYTES + length);
    fill(file, frame, at);
    int wanted = frame.getInt(0);
    return wanted == checksum(frame.slice(Integer.BYTES, frame.limit() - Integer.BYTES))
        ? frame.rewind()
        : null;
  }

  private static void fill(FileChannel file, ByteBuffer into, long at) throws IOException {
    while (into.hasRemaining()) {
      if (file.read(into, at + into.position()) < 0) {
        throw new EOFException("the file became shorter while it was read");
      }
    }
    into.rewind();
  }

  private static Commits.Batch batch(ByteBuffer body) throws IOException {
    List<DiskChange> changes = new ArrayList<>();
    Map<String, Payload> notes = new TreeMap<>();
    SortedSet<Integer> recounted = new TreeSet<>();
    RecordView view = new RecordView();
    KeyProbe probe = new KeyProbe(0);
    while (body.hasRemaining()) {
      switch (body.get()) {
        case PUT -> {
          byte[] record = new byte[body.getInt()];
          body.get(record);
          DiskRecord.see(record, view);
          view.loadKey(probe);
          DiskChange.Key key = new DiskChange.Key(probe.hash(), probe.toPayload());
          changes.add(new DiskChange(key, record, null, 0));
        }
        case REMOVE -> {
          Payload key = Payload.of(part(body, body.getInt()));
          changes.add(new DiskChange(DiskChange.Key.of(key), null, null, 0));
        }
        case NOTE -> {
          String word = StandardCharsets.UTF_8.decode(part(body, body.getInt())).toString();
          notes.put(word, Payload.of(part(body, body.getInt())));
        }
        case RECOUNT -> recounted.add(body.getInt());
        default -> throw new IOException("a log with changes that this version does not know");
      }
    }
    return new Commits.Batch(0, changes, notes, recounted);
  }

  private static ByteBuffer part(ByteBuffer body, int length) {
    ByteBuffer part = body.slice(body.position(), length);
    body.position(body.position() + length);
    return part;
  }

  @Override
  public void close() {
    for (FileChannel file : files) {
      try {
        if (file != null) {
          file.close();
        }
      } catch (IOException e) {
        throw new java.io.UncheckedIOException(e);
      }
    }
  }
}
