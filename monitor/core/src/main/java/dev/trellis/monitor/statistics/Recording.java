package dev.trellis.monitor.statistics;

import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.Limits;
import dev.trellis.wire.NodeReport;
import dev.trellis.wire.NodeReportCodec;
import dev.trellis.wire.WireException;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What a monitor hears, in a file, to be played again: reports as they came, and the members as
/// they changed. A part that was torn off at the end, as by a crash, is passed over.
///
/// | bytes | |
/// |---|---|
/// | 8, at the beginning | `TRELLISM`, or with another last letter another format |
/// | 8 | when it came, in ms, by the monitor's clock |
/// | 1 | `R`, a report, or `M`, a map |
/// | 4 | length of what follows |
///
/// Not for several threads.
public final class Recording implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Recording.class);
  private static final long MAGIC = 0x5452454c4c49534dL;
  private static final byte REPORT = 'R';
  private static final byte MAP = 'M';
  private static final int HEADER_BYTES = Long.BYTES + 1 + Integer.BYTES;

  private final Path file;
  private final long bytesMax;
  private FileChannel out;
  private Optional<Frame.ClusterMap> map = Optional.empty();
  private boolean hasFailed;

  /// Begins a file; one that is there is kept, with `.1` behind its name, in the place of the one
  /// before that.
  ///
  /// @param bytesMax at which the file is begun anew
  public Recording(Path file, long bytesMax) throws IOException {
    this.file = file;
    this.bytesMax = bytesMax;
    this.out = begin();
  }

  private FileChannel begin() throws IOException {
    if (Files.exists(file)) {
      Files.move(
          file,
          file.resolveSibling(file.getFileName() + ".1"),
          StandardCopyOption.REPLACE_EXISTING);
    }
    FileChannel begun =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    write(begun, ByteBuffer.allocate(Long.BYTES).putLong(0, MAGIC));
    return begun;
  }

  private static void write(FileChannel to, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      to.write(bytes);
    }
  }

  /// Writes a report down. Where that can't be done it is said once, and left.
  public void report(NodeReport report, long atMillis) {
    append(REPORT, NodeReportCodec.encode(report), atMillis);
  }

  /// Writes the members down, if they have changed.
  public void map(Frame.ClusterMap now, long atMillis) {
    if (!map.equals(Optional.of(now))) {
      map = Optional.of(now);
      append(MAP, FrameCodec.encode(now), atMillis);
    }
  }

  private void append(byte kind, byte[] body, long atMillis) {
    if (hasFailed) {
      return;
    }
    try {
      if (out.size() > bytesMax) {
        out.close();
        out = begin();
        if (kind != MAP) {
          map.ifPresent(known -> append(MAP, FrameCodec.encode(known), atMillis));
        }
      }
      ByteBuffer whole = ByteBuffer.allocate(HEADER_BYTES + body.length);
      whole.putLong(atMillis).put(kind).putInt(body.length).put(body);
      write(out, whole.flip());
    } catch (IOException e) {
      hasFailed = true;
      LOG.error("what nodes tell is not recorded any more: {}: {}", file, e.getMessage());
    }
  }

  @Override
  public void close() throws IOException {
    out.close();
  }

  /// Takes what is in a recording, in its order.
  public interface Reader {
    void report(NodeReport report, long atMillis);

    void map(Frame.ClusterMap map, long atMillis);
  }

  /// Plays a file.
  ///
  /// @throws IOException if it can't be read, or is no recording of this version
  public static void play(Path file, Reader to) throws IOException {
    try (DataInputStream in =
        new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
      requireRecording(file, in);
      FrameCodec codec = new FrameCodec(Limits.DEFAULT);
      while (true) {
        long atMillis;
        byte kind;
        byte[] body;
        try {
          atMillis = in.readLong();
          kind = in.readByte();
          int length = in.readInt();
          if (length < 0 || length > Limits.FRAME_BYTES_MAX) {
            throw new IOException(file + " is damaged: a part of " + length + " bytes");
          }
          body = in.readNBytes(length);
          if (body.length < length) {
            return;
          }
        } catch (EOFException _) {
          return;
        }
        play(file, codec, kind, body, atMillis, to);
      }
    }
  }

  private static void requireRecording(Path file, DataInputStream in) throws IOException {
    long magic;
    try {
      magic = in.readLong();
    } catch (EOFException e) {
      throw new IOException(file + " is no recording of a monitor: it is too short", e);
    }
    if (magic >>> 8 != MAGIC >>> 8) {
      throw new IOException(
          file + " is no recording of a monitor; monitor.record.file has one written");
    }
    if (magic != MAGIC) {
      throw new IOException(file + " was recorded by another version, whose format is not known");
    }
  }

  private static void play(
      Path file, FrameCodec codec, byte kind, byte[] body, long atMillis, Reader to)
      throws IOException {
    try {
      switch (kind) {
        case REPORT -> to.report(NodeReportCodec.decode(ByteBuffer.wrap(body)), atMillis);
        case MAP -> {
          if (!(codec.decode(ByteBuffer.wrap(body)) instanceof Frame.ClusterMap map)) {
            throw new IOException(file + " is damaged: something else in the place of a map");
          }
          to.map(map, atMillis);
        }
        default -> throw new IOException(file + " is damaged: a part of kind " + kind);
      }
    } catch (WireException e) {
      throw new IOException(file + " is damaged: " + e.getMessage(), e);
    }
  }
}
