package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.ClientConfig;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.Test;

/// A cluster without security, where all of it can be reached. `-Dattack.silent=500` has as many
/// come who read nothing.
class AttacksIT extends Attacked {
  /// Each asks for 50 MiB, and a node has a tenth of its 256 MiB for answers.
  private static final int SILENT = Integer.getInteger("attack.silent", 100);

  @Override
  List<String> options() {
    return List.of();
  }

  @Override
  ClientConfig config() {
    return ClientConfig.of(local.address());
  }

  @Override
  String key() {
    return "";
  }

  @Override
  Optional<SSLContext> tls() {
    return Optional.empty();
  }

  private List<Door> framed() {
    return doors.stream().filter(door -> door.tongue() == Door.Tongue.FRAMES).toList();
  }

  private Door shard() {
    return doors.stream().filter(door -> door.name().startsWith("shard")).findFirst().orElseThrow();
  }

  private static void assertRefused(String what, List<Frame> frames) {
    assertTrue(
        frames.stream().anyMatch(frame -> frame instanceof Frame.Refused),
        () -> what + " was answered with " + frames);
  }

  private static Request put(long id, Payload key) {
    return new Request(
        id,
        key,
        new Mutation.Put(Payload.ofText("v")),
        RequestContext.mutation(id, HybridTimestamp.ofMillis(System.currentTimeMillis())));
  }

  private static ErrorCode code(Frame frame) {
    Reply reply =
        frame instanceof Frame.Answers answers
            ? answers.replies().getFirst()
            : assertInstanceOf(Frame.Answer.class, frame).reply();
    return assertInstanceOf(Outcome.Failed.class, reply.outcome()).code();
  }

  @Test
  void claimsThatNobodyCanMeetAreRefusedAndTakeNoMemory() throws IOException {
    for (Door door : framed()) {
      for (int length : new int[] {Integer.MAX_VALUE, -1, (32 << 20) + 1}) {
        try (RudeClient client = RudeClient.welcome(door.port())) {
          client.sendBytes(ByteBuffer.allocate(104).putInt(length).array());
          assertRefused(door + ": a frame of " + length, client.rest());
        }
      }
      try (RudeClient client = new RudeClient(door.port())) {
        client.send(RudeClient.hello("", Payload.of(new byte[1 << 20]), "rude"));
        assertRefused(door + ": a Hello of 1 MiB", client.rest());
      }
      for (byte[] hello :
          List.of(
              new byte[] {(byte) 0x82, 1, 4, 0x1a, 2, (byte) 0xc3, 0x28}, // no UTF-8
              new byte[] {(byte) 0x82, 1, 11, 8, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}, // no end
              HostileBytes.nested(1_000, 16, new byte[0]))) {
        try (RudeClient client = new RudeClient(door.port())) {
          client.sendBytes(HostileBytes.framed(hello));
          assertRefused(door + ": " + HexFormat.of().formatHex(hello), client.rest());
        }
      }
    }
  }

  @Test
  void requestsBeyondTheLimitsAreRefusedAndTheConnectionOrTheRequestWithThem() throws IOException {
    Payload key = Payload.ofText(HostileBytes.PREFIX + "limits");
    try (RudeClient client = RudeClient.welcome(shard().port())) {
      client.send(new Frame.Single(put(1, Payload.EMPTY)));
      assertEquals(ErrorCode.BAD_REQUEST, code(client.receive()));
      client.send(new Frame.Single(put(2, Payload.of(new byte[1_025]))));
      assertEquals(ErrorCode.KEY_TOO_LONG, code(client.receive()));
      client.send(new Frame.Single(put(3, Payload.of(new byte[1_024]))));
      assertInstanceOf(
          Outcome.Done.class,
          assertInstanceOf(Frame.Answer.class, client.receive()).reply().outcome());
      Mutation deep = new Mutation.Raise(1);
      for (int depth = 0; depth < 1_000; depth++) {
        deep = new Mutation.UpdateField(Payload.ofText("f"), deep);
      }
      client.send(new Frame.Single(new Request(4, key, deep, put(4, key).context())));
      assertEquals(ErrorCode.BAD_REQUEST, code(client.receive()));
      client.send(
          new Frame.Scan(
              5, Payload.ofText(HostileBytes.PREFIX), Optional.empty(), Integer.MIN_VALUE, true));
      client.send(new Frame.Scan(6, Payload.EMPTY, Optional.empty(), Integer.MAX_VALUE, false));
      for (int pages = 0; pages < 2; pages++) {
        Frame.Scanned page = assertInstanceOf(Frame.Scanned.class, client.receive());
        assertTrue(page.keys().size() <= 10_000, page.id() + " has " + page.keys().size());
      }
      List<Request> many = new ArrayList<>();
      for (int id = 0; id < 10_001; id++) {
        many.add(put(id, key));
      }
      client.send(new Frame.Batch(many));
      assertRefused("a batch of 10,001", client.rest());
    }
    try (RudeClient client = RudeClient.welcome(shard().port())) {
      int watches = 100_000;
      Thread reader =
          Thread.ofPlatform()
              .start(
                  () -> {
                    for (int id = 0; id < watches; id++) {
                      try {
                        client.send(
                            new Frame.Watch(
                                id,
                                Payload.ofText(HostileBytes.PREFIX + id),
                                Optional.empty(),
                                false,
                                false));
                      } catch (IOException e) {
                        return;
                      }
                    }
                  });
      int refused = 0;
      for (int heard = 0; heard < watches; heard++) {
        Frame.Changed changed = assertInstanceOf(Frame.Changed.class, client.receive());
        refused += changed.reply().outcome() instanceof Outcome.Failed ? 1 : 0;
      }
      join(reader);
      assertEquals(watches - 10_000 * SHARDS, refused, "beyond watches.max of each shard");
    }
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /// Who asks for much, reads nothing and comes again and again.
  @Test
  void whoNeverReadsHoldsUpNobody() throws IOException {
    bystander.client().register(HostileBytes.PREFIX + "large").put(Payload.of(new byte[1 << 20]));
    List<RudeClient> clients = new ArrayList<>();
    try {
      Frame get =
          new Frame.Single(
              new Request(
                  1,
                  Payload.ofText(HostileBytes.PREFIX + "large"),
                  Read.Get.ANY,
                  RequestContext.READ));
      long rounds = bystander.right();
      for (int number = 0; number < SILENT; number++) {
        RudeClient client = RudeClient.welcome(shard().port());
        clients.add(client);
        for (int more = 0; more < 50; more++) {
          client.send(get);
        }
      }
      awaitRounds(50);
      assertTrue(bystander.right() > rounds);
    } finally {
      for (RudeClient client : clients) {
        client.close();
      }
    }
  }
}
