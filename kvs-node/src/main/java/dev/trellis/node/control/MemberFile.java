package dev.trellis.node.control;

import dev.trellis.process.StartupException;
import dev.trellis.wire.NodeDescriptor.State;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What a node remembers of its cluster from one start to the next, in the file `member` of its
/// data folder: whose data these are, in which incarnations it lived, how far it was a member, and
/// what it knew of the others. So it comes back as who it was, and after a start of the whole
/// cluster it knows who may have what it lacks. One that keeps its data in memory comes back as
/// nobody, but knows that there are others with data on disk, and does not found a cluster without
/// them.
///
/// Replaced as a whole with each change, and synced. Any thread may call it once the node lives.
public final class MemberFile {
  private static final Logger LOG = LoggerFactory.getLogger(MemberFile.class);

  /// Of the file, in the data folder.
  public static final String NAME = "member";

  private static final int MAGIC = 0x54524d42;
  private static final int FORMAT = 1;

  /// Incarnations that are remembered: the latest. Others must have forgotten those before.
  private static final int FORMER_MAX = 32;

  /// What the data are good for.
  private enum Use {
    DATA(0),
    /// The cluster went on without them.
    GONE(1),
    /// The node has handed them over and left.
    LEFT(2);

    private final int number;

    Use(int number) {
      this.number = number;
    }

    static Use ofNumber(int number) throws IOException {
      return switch (number) {
        case 0 -> DATA;
        case 1 -> GONE;
        case 2 -> LEFT;
        default -> throw new IOException("it is damaged");
      };
    }
  }

  private final Path folder;
  private final String clusterName;
  private final String nodeId;
  private final boolean keepsData;
  private final List<Long> lives = new ArrayList<>(); // the last one is this
  private State state = State.JOINING;
  private Use use = Use.DATA;
  private ClusterState cluster = ClusterState.initial(0);
  private boolean isNew = true;
  private boolean hasWarned; // that it can't be written

  private MemberFile(Path folder, String clusterName, String nodeId, boolean keepsData) {
    this.keepsData = keepsData;
    this.folder = folder;
    this.clusterName = clusterName;
    this.nodeId = nodeId;
  }

  /// Reads the file, if it is there.
  ///
  /// @param keepsData whether the node has its data again when it starts again
  /// @throws StartupException if it is somebody else's, of another format or damaged
  public static MemberFile open(Path folder, String clusterName, String nodeId, boolean keepsData) {
    MemberFile file = new MemberFile(folder, clusterName, nodeId, keepsData);
    Path path = folder.resolve(NAME);
    if (Files.exists(path)) {
      try {
        file.read(Files.readAllBytes(path));
      } catch (IOException e) {
        throw new StartupException(
            path
                + " can't be read: "
                + e.getMessage()
                + "; restore it from a backup, or use another data.folder and let the node fetch its"
                + " data from others",
            e);
      }
    }
    return file;
  }

  /// What is wrong with the file of a folder, going by its checksum; empty if nothing is, or it is
  /// not there.
  public static Optional<String> problem(Path folder) throws IOException {
    Path path = folder.resolve(NAME);
    return !Files.exists(path) || isIntact(Files.readAllBytes(path))
        ? Optional.empty()
        : Optional.of(path + " is not as it was written: its checksum is wrong");
  }

  private static boolean isIntact(byte[] bytes) {
    int length = bytes.length - Integer.BYTES;
    return length >= 0 && ByteBuffer.wrap(bytes).getInt(length) == checksum(bytes, length);
  }

  private void read(byte[] bytes) throws IOException {
    Said said = readAll(bytes);
    requireOurs("cluster", said.cluster, clusterName, "cluster.name");
    requireOurs("node", said.node, nodeId, "node.id");
  }

  /// Whose the file is.
  private record Said(String cluster, String node) {}

  private Said readAll(byte[] bytes) throws IOException {
    int length = bytes.length - Integer.BYTES;
    if (!isIntact(bytes)) {
      throw new IOException("its checksum is wrong");
    }
    DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes, 0, length));
    if (in.readInt() != MAGIC) {
      throw new IOException("it is no such file");
    }
    int format = in.readInt();
    if (format != FORMAT) {
      throw new StartupException(
          "data.folder "
              + folder
              + " is in format "
              + format
              + ", this version reads format "
              + FORMAT
              + "; use the version that wrote it, or another folder");
    }
    Said said = new Said(in.readUTF(), in.readUTF());
    state = State.ofNumber(in.readByte());
    use = Use.ofNumber(in.readByte());
    for (int left = in.readInt(); left > 0; left--) {
      lives.add(in.readLong());
    }
    cluster = ClusterState.read(in);
    cluster = cluster.withMonitorEpoch(in.available() > 0 ? in.readLong() : 0);
    isNew = false;
    return said;
  }

  private void requireOurs(String what, String found, String wanted, String setting) {
    if (!found.equals(wanted)) {
      throw new StartupException(
          "data.folder "
              + folder
              + " belongs to "
              + what
              + " '"
              + found
              + "', not '"
              + wanted
              + "'; set "
              + setting
              + " to that, or use another data.folder");
    }
  }

  /// Whether the node has its data again when it starts again.
  public boolean keepsData() {
    return keepsData;
  }

  /// Whether the data were given up by the cluster while the node was away, or before.
  public boolean isGone() {
    return use == Use.GONE;
  }

  /// Whether the node has handed over its data and left its cluster.
  public boolean hasLeft() {
    return use == Use.LEFT;
  }

  /// Whether what is in a folder is of use to the cluster still; false if there is no file.
  public static boolean isOfUse(Path folder) {
    try {
      return ofAnybody(folder).use == Use.DATA;
    } catch (NoSuchFileException e) {
      return false;
    } catch (IOException | StartupException e) {
      return true; // the node will say what is wrong
    }
  }

  /// Remembers for a node that does not run that its data are of use to nobody any more.
  ///
  /// @throws IOException if there is no such file, or it can't be read
  public static void giveUp(Path folder) throws IOException {
    ofAnybody(folder).giveUp();
  }

  private static MemberFile ofAnybody(Path folder) throws IOException {
    byte[] bytes = Files.readAllBytes(folder.resolve(NAME));
    Said said = new MemberFile(folder, "", "", true).readAll(bytes);
    MemberFile file = new MemberFile(folder, said.cluster, said.node, true);
    file.readAll(bytes);
    return file;
  }

  /// The number of the last life before this one; 0 for none.
  public long lastLife() {
    return lives.isEmpty() ? 0 : lives.getLast();
  }

  /// Begins another life.
  ///
  /// @throws StartupException if that can't be written
  public synchronized void begin(long incarnation) {
    lives.add(incarnation);
    if (lives.size() > FORMER_MAX + 1) {
      lives.removeFirst();
    }
    try {
      write();
    } catch (UncheckedIOException e) {
      throw new StartupException(
          e.getMessage()
              + ": "
              + String.valueOf(e.getCause())
              + "; free space there, or restore the rights",
          e);
    }
  }

  /// The incarnations of earlier lives whose data the node has, the latest last.
  public List<Long> former() {
    return keepsData ? List.copyOf(lives.subList(0, Math.max(0, lives.size() - 1))) : List.of();
  }

  /// As what the node takes part from the start: one that was a member in full is so again, since
  /// others count on what it has.
  public State stateAtStart() {
    return state == State.JOINING || !keepsData ? State.JOINING : State.ACTIVE;
  }

  /// What was known of the cluster; empty in a first life.
  Optional<ClusterState> cluster() {
    if (isNew) {
      return Optional.empty();
    }
    return Optional.of(keepsData ? cluster : cluster.ofThoseWithDisks());
  }

  /// Remembers how far the node is a member, and what is known of the cluster. Where it can't be
  /// written, as on a full disk, it is to be tried again: to end for that would lose more.
  ///
  /// @return whether it is written
  synchronized boolean save(State stateNow, ClusterState clusterNow) {
    if (stateNow == state && clusterNow.equals(cluster)) {
      return true;
    }
    State stateBefore = state;
    ClusterState clusterBefore = cluster;
    state = stateNow;
    cluster = clusterNow;
    try {
      write();
      hasWarned = false;
      return true;
    } catch (UncheckedIOException e) {
      state = stateBefore;
      cluster = clusterBefore;
      if (!hasWarned) {
        LOG.warn("{}, which is tried again: {}", e.getMessage(), String.valueOf(e.getCause()));
        hasWarned = true;
      }
      return false;
    }
  }

  /// Remembers that the data are of use to nobody any more.
  public synchronized void giveUp() {
    use = Use.GONE;
    write();
  }

  /// Remembers that others have all that the node had.
  public synchronized void leave() {
    use = Use.LEFT;
    write();
  }

  private void write() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(512);
    Path unfinished = folder.resolve(NAME + ".unfinished");
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeInt(MAGIC);
      out.writeInt(FORMAT);
      out.writeUTF(clusterName);
      out.writeUTF(nodeId);
      out.writeByte(state.number());
      out.writeByte(use.number);
      out.writeInt(lives.size());
      for (long life : lives) {
        out.writeLong(life);
      }
      cluster.write(out);
      out.writeLong(cluster.monitorEpoch());
      out.writeInt(checksum(bytes.toByteArray(), bytes.size()));
      try (FileChannel file =
          FileChannel.open(
              unfinished,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.WRITE)) {
        ByteBuffer content = ByteBuffer.wrap(bytes.toByteArray());
        while (content.hasRemaining()) {
          file.write(content);
        }
        file.force(true);
      }
      Files.move(unfinished, folder.resolve(NAME), StandardCopyOption.ATOMIC_MOVE);
      try (FileChannel directory = FileChannel.open(folder)) {
        directory.force(true);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + folder.resolve(NAME), e);
    }
  }

  private static int checksum(byte[] bytes, int length) {
    CRC32C crc = new CRC32C();
    crc.update(Arrays.copyOf(bytes, length));
    return (int) crc.getValue();
  }
}
