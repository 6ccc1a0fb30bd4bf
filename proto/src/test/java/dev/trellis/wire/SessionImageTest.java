package dev.trellis.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.ReplicaId;
import dev.trellis.lattice.CommitId;
import dev.trellis.lattice.Commits;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.generated.SessionCommits;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class SessionImageTest {
  private static final int SEEDS = 300;

  private static Payload text(String text) {
    return Payload.ofText(text);
  }

  private static SessionImage image(
      List<SessionImage.Remembered> remembered,
      List<SessionImage.Seen> seen,
      SortedMap<CommitId, Payload> writeSets) {
    return new SessionImage(
        7,
        3,
        HybridTimestamp.ofMillis(9_000),
        HybridTimestamp.ofMillis(10),
        remembered,
        seen,
        writeSets,
        List.of(),
        Map.of(text("d"), CausalContext.of(new Dot(new ReplicaId(5, 1), 3))),
        HybridTimestamp.ofMillis(7_000),
        HybridTimestamp.ofMillis(8_000),
        true,
        writeSets.isEmpty());
  }

  /// Two keys that name some commits, of some writers, close in time and far apart.
  private static SessionImage random(SplittableRandom random) {
    List<Long> writers = List.of(-1L, 0L, Long.MIN_VALUE, 42L);
    TreeMap<CommitId, Payload> writeSets = new TreeMap<>();
    for (int i = random.nextInt(20); i > 0; i--) {
      long millis = random.nextBoolean() ? 5_000 : random.nextLong(1, 1L << 40);
      CommitId id =
          new CommitId(
              new HybridTimestamp(HybridTimestamp.ofMillis(millis).packed() + random.nextInt(3)),
              writers.get(random.nextInt(writers.size())));
      byte[] prints = new byte[4 * random.nextInt(1, 5)];
      random.nextBytes(prints);
      writeSets.put(id, Payload.of(prints));
    }
    List<Entry> entries = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      TreeMap<CommitId, Commits.Part> parts = new TreeMap<>();
      for (CommitId id : writeSets.keySet()) {
        if (random.nextBoolean()) {
          parts.put(id, new Commits.Part(List.of(), List.of()));
        }
      }
      HybridTimestamp folded =
          parts.isEmpty() || random.nextBoolean()
              ? HybridTimestamp.ZERO
              : new HybridTimestamp(parts.firstKey().timestamp().packed() - 1);
      Entry entry =
          Entry.of(
              HybridTimestamp.ZERO,
              LwwRegister.of(HybridTimestamp.ofMillis(i + 1), 1, 0, text("v")));
      entries.add(entry.with(new Commits(folded, parts)));
    }
    return image(
        List.of(
            new SessionImage.Remembered(
                text("a"), HybridTimestamp.ofMillis(1), Optional.of(entries.get(0))),
            new SessionImage.Remembered(text("c"), HybridTimestamp.ofMillis(2), Optional.empty())),
        List.of(
            new SessionImage.Seen(
                text("b"), HybridTimestamp.ofMillis(3), Optional.of(entries.get(1)))),
        writeSets);
  }

  @Test
  void whatIsReadIsWhatWasWritten() throws WireException, InvalidProtocolBufferException {
    for (long seed = 0; seed < SEEDS; seed++) {
      SessionImage image = random(new SplittableRandom(seed));
      byte[] bytes = image.encode();
      assertEquals(image, SessionImage.decode(ByteBuffer.wrap(bytes)), "seed " + seed);
      // Another's code reads the same of it.
      SessionCommits commits =
          dev.trellis.wire.generated.SessionImage.parseFrom(bytes).getCommits();
      assertEquals(image.writeSets().size(), commits.getTimestampsCount());
      long stamp = 0;
      int at = 0;
      for (CommitId id : image.writeSets().keySet()) {
        stamp += commits.getTimestamps(at);
        assertEquals(id.timestamp().packed(), stamp);
        assertEquals(id.writer(), commits.getWriters(commits.getWriter(at++)));
      }
    }
  }

  @Test
  void whatACommitHasWrittenIsAmongTheValuesAndItsKeysAreToldOnce() throws WireException {
    CommitId id = new CommitId(HybridTimestamp.ofMillis(5_000), 4);
    LwwRegister written = LwwRegister.of(id.timestamp(), 4, 0, text("new"));
    Entry entry =
        Entry.BOTTOM.with(
            Commits.of(id, new Commits.Part(List.of(text("a"), text("b")), List.of(written))));
    TreeMap<CommitId, Payload> writeSets = new TreeMap<>();
    writeSets.put(id, text("four and"));
    SessionImage image =
        image(
            List.of(),
            List.of(
                new SessionImage.Seen(text("a"), HybridTimestamp.ZERO, Optional.of(entry)),
                new SessionImage.Seen(text("b"), HybridTimestamp.ZERO, Optional.of(entry))),
            writeSets);
    SessionImage read = SessionImage.decode(ByteBuffer.wrap(image.encode()));
    Entry shown = read.seen().get(0).entry().orElseThrow();
    assertEquals(List.of(written), shown.ownValues());
    assertEquals(
        Map.of(id, new Commits.Part(List.of(), List.of())), Map.copyOf(shown.commits().parts()));
    assertEquals(text("four and"), read.writeSets().get(id));
  }

  @Test
  void aCommitOfWhichNoWriteSetIsToldIsRefused() {
    CommitId id = new CommitId(HybridTimestamp.ofMillis(5_000), 4);
    Entry entry =
        Entry.BOTTOM.with(Commits.of(id, new Commits.Part(List.of(text("a")), List.of())));
    SessionImage image =
        image(
            List.of(),
            List.of(new SessionImage.Seen(text("a"), HybridTimestamp.ZERO, Optional.of(entry))),
            new TreeMap<>());
    assertThrows(IllegalArgumentException.class, image::encode);
  }

  @Test
  void whatDoesNotFitTogetherIsRefused() {
    SessionCommits right =
        SessionCommits.newBuilder()
            .addWriters(4)
            .addTimestamps(77)
            .addWriter(0)
            .addKeyCounts(1)
            .setPrints(ByteString.copyFrom(new byte[4]))
            .build();
    assertEquals("", complaint(right, 0));
    assertEquals("commit 1 of a token that tells 1 of them", complaint(right, 1));
    assertEquals(
        "1 timestamps, 0 writers and 1 sizes of commits",
        complaint(right.toBuilder().clearWriter().build(), 0));
    assertEquals(
        "writer 3 of a token that tells 1",
        complaint(right.toBuilder().setWriter(0, 3).build(), 0));
    assertEquals(
        "a commit of 2 keys, which are not all told",
        complaint(right.toBuilder().setKeyCounts(0, 2).build(), 0));
    assertEquals("keys of no commit", complaint(right.toBuilder().setKeyCounts(0, 0).build(), 0));
  }

  private static String complaint(SessionCommits commits, int named) {
    byte[] bytes =
        dev.trellis.wire.generated.SessionImage.newBuilder()
            .addSeen(
                dev.trellis.wire.generated.SessionKey.newBuilder()
                    .setKey(ByteString.copyFromUtf8("a"))
                    .setEntry(dev.trellis.wire.generated.Entry.getDefaultInstance())
                    .addCommits(named))
            .setCommits(commits)
            .build()
            .toByteArray();
    try {
      SessionImage.decode(ByteBuffer.wrap(bytes));
      return "";
    } catch (WireException e) {
      return String.valueOf(e.getMessage());
    }
  }
}
