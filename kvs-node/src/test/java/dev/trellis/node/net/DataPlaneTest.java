package dev.trellis.node.net;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.node.Nodes;
import dev.trellis.node.TrellisNode;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import dev.trellis.wire.Threshold;
import dev.trellis.wire.View;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// What a connection that behaves can do.
class DataPlaneTest {
  private static TrellisNode node;
  private static List<Integer> ports;

  @BeforeAll
  static void start() {
    node = Nodes.start("shards = 2");
    ports = node.descriptor().shardPorts();
  }

  @AfterAll
  static void stop() {
    node.close();
  }

  @Test
  void aValuePutIsTheValueGot() throws IOException {
    try (RawClient client = RawClient.open(ports.get(0), Frame.Scope.NODE)) {
      for (int i = 0; i < 100; i++) {
        assertEquals(Optional.empty(), RawClient.code(client.put("put/" + i, text("v" + i))));
      }
      for (int i = 0; i < 100; i++) {
        assertEquals(new View.Bytes(text("v" + i), 0), client.get("put/" + i));
      }
      assertEquals(new View.Missing(), client.get("put/none"));
    }
  }

  @Test
  void aConnectionToOneShardIsToldWhichKeysAreNotThere() throws IOException {
    int refused = 0;
    for (int port : ports) {
      try (RawClient client = RawClient.open(port, Frame.Scope.SHARD)) {
        for (int i = 0; i < 50; i++) {
          Optional<ErrorCode> code = RawClient.code(client.put("owner/" + i, text("v")));
          refused += code.isPresent() ? 1 : 0;
          code.ifPresent(found -> assertEquals(ErrorCode.NOT_OWNER, found));
        }
      }
    }
    assertEquals(50, refused, "each key belongs to exactly one of two shards");
  }

  @Test
  void everyRequestOfABatchIsAnsweredWhicheverShardItIsFor() throws IOException {
    int count = 10_000;
    try (RawClient client = RawClient.open(ports.get(1), Frame.Scope.NODE)) {
      List<Request> puts = new ArrayList<>();
      List<Request> gets = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        puts.add(RawClient.put(i, "batch/" + i, text("v" + i)));
        gets.add(RawClient.get(i, "batch/" + i));
      }
      client.send(new Frame.Batch(puts));
      Map<Long, Reply> written = byId(client.replies(count));
      assertEquals(count, written.size());
      written.values().forEach(reply -> assertEquals(Optional.empty(), RawClient.code(reply)));
      client.send(new Frame.Batch(gets));
      Map<Long, Reply> replies = byId(client.replies(count));
      for (long i = 0; i < count; i++) {
        assertEquals(new View.Bytes(text("v" + i), 0), view(replies.get(i)));
      }
    }
  }

  @Test
  void aScanOverTheNodeIsOrderedAndCutAtItsLimit() throws IOException {
    try (RawClient client = RawClient.open(ports.get(0), Frame.Scope.NODE)) {
      List<String> written = new ArrayList<>();
      for (int i = 0; i < 100; i++) {
        String key = "scan/%03d".formatted(i);
        client.put(key, text("v"));
        written.add(key);
      }
      List<String> found = new ArrayList<>();
      Optional<Payload> after = Optional.empty();
      boolean more = true;
      while (more) {
        client.send(new Frame.Scan(1, text("scan/"), after, 7, false));
        Frame.Scanned page = assertInstanceOf(Frame.Scanned.class, client.receive());
        page.keys().forEach(key -> found.add(key.key().text()));
        after = Optional.of(page.keys().getLast().key());
        more = page.more();
        assertEquals(more, page.keys().size() == 7 && found.size() < 100);
      }
      assertEquals(written, found);
      client.send(new Frame.Scan(2, text("scan/"), Optional.empty(), 0, false));
      Frame.Scanned refused = assertInstanceOf(Frame.Scanned.class, client.receive());
      assertEquals(ErrorCode.BAD_REQUEST, refused.failure().orElseThrow().code());
    }
  }

  /// Each write is answered before the ping that follows it is sent, so a pong that overtook the
  /// change would be seen in one of so many rounds.
  @Test
  void aPongComesAfterTheChangesThatWereBeforeItOnWhicheverShard() throws IOException {
    try (RawClient watcher = RawClient.open(ports.get(0), Frame.Scope.NODE);
        RawClient writer = RawClient.open(ports.get(1), Frame.Scope.NODE)) {
      for (int key = 0; key < 8; key++) {
        watcher.send(new Frame.Watch(key, text("pong/" + key), Optional.empty(), true, true));
        assertEquals(key, watcher.receive(Frame.Changed.class).reply().id());
      }
      for (int round = 0; round < 400; round++) {
        int key = round % 8;
        writer.put("pong/" + key, text("v" + round));
        watcher.send(new Frame.Ping(1_000 + round, true));
        Reply told = assertInstanceOf(Frame.Changed.class, watcher.receive()).reply();
        assertEquals(key, told.id());
        Frame.Pong pong = assertInstanceOf(Frame.Pong.class, watcher.receive());
        assertEquals(1_000 + round, pong.id());
        assertTrue(pong.asOf().isAfter(HybridTimestamp.ZERO), pong.toString());
      }
      watcher.send(new Frame.Ping(1));
      assertEquals(
          HybridTimestamp.ZERO, watcher.receive(Frame.Pong.class).asOf(), "nobody asked for it");
    }
  }

  @Test
  void watchesOfAnyShardArePushedUntilTheyEnd() throws IOException {
    try (RawClient watcher = RawClient.open(ports.get(0), Frame.Scope.NODE);
        RawClient writer = RawClient.open(ports.get(1), Frame.Scope.NODE)) {
      for (int i = 0; i < 8; i++) {
        String key = "watch/" + i;
        watcher.send(new Frame.Watch(i, text(key), Optional.empty()));
        Frame.Changed first = watcher.receive(Frame.Changed.class);
        assertEquals(i, first.reply().id());
        assertEquals(new View.Missing(), view(first.reply()));
        writer.put(key, text("v" + i));
        Frame.Changed second = watcher.receive(Frame.Changed.class);
        assertEquals(i, second.reply().id());
        assertEquals(new View.Bytes(text("v" + i), 0), view(second.reply()));
        watcher.send(new Frame.Unwatch(i));
        // The answer to a later request proves that the end has arrived everywhere.
        watcher.get(key);
        writer.put(key, text("w" + i));
      }
      watcher.send(new Frame.Ping(1));
      assertInstanceOf(Frame.Pong.class, watcher.receive(), "nothing came after an unwatch");
    }
  }

  /// More than a connection may have under way, over both shards.
  @Test
  void manyThatWaitForThresholdsHoldUpNothingAndAreAnsweredOnce() throws IOException {
    Read.Await await = new Read.Await(new Threshold.Enabled(Kind.FLAG));
    try (RawClient waiter = RawClient.open(ports.get(0), Frame.Scope.NODE);
        RawClient writer = RawClient.open(ports.get(1), Frame.Scope.NODE)) {
      for (int i = 0; i < 600; i++) {
        Request request =
            new Request(1_000 + i, text("await/" + i % 8), await, RequestContext.READ);
        waiter.send(new Frame.Single(request));
      }
      waiter.put("await/other", text("v"));
      assertEquals(new View.Bytes(text("v"), 0), waiter.get("await/other"));
      waiter.send(new Frame.Unwatch(1_000));
      Reply givenUp = waiter.receive(Frame.Answer.class).reply();
      assertEquals(1_000, givenUp.id());
      assertEquals(Optional.of(ErrorCode.NOT_REACHED), RawClient.code(givenUp));
      for (int key = 0; key < 8; key++) {
        RequestContext context = RequestContext.mutation(0, RawClient.now());
        Request enable = new Request(key, text("await/" + key), new Mutation.Enable(), context);
        writer.send(new Frame.Single(enable));
      }
      List<Reply> told = new ArrayList<>();
      while (told.size() < 599) {
        switch (waiter.receive()) {
          case Frame.Answer answer -> told.add(answer.reply());
          case Frame.Answers answers -> told.addAll(answers.replies());
          case Frame other -> throw new AssertionError("unexpected " + other);
        }
      }
      assertEquals(599, byId(told).size());
      told.forEach(reply -> assertEquals(new View.Truth(true), view(reply)));
      assertEquals(new View.Bytes(text("v"), 0), waiter.get("await/other"));
    }
  }

  @Test
  void theMapOfANodeIsTheNode() throws IOException {
    try (RawClient client = RawClient.open(ports.get(0), Frame.Scope.SHARD)) {
      client.send(new Frame.MapRequest(5));
      Frame.ClusterMap map = assertInstanceOf(Frame.ClusterMap.class, client.receive());
      assertEquals(5, map.id());
      assertEquals("trellis", map.clusterName());
      assertEquals(List.of(node.descriptor()), map.nodes());
    }
  }

  @Test
  void aPingIsAnsweredWithTheShardsClock() throws IOException {
    try (RawClient client = RawClient.open(ports.get(0), Frame.Scope.SHARD)) {
      long before = System.currentTimeMillis();
      client.send(new Frame.Ping(9));
      Frame.Pong pong = assertInstanceOf(Frame.Pong.class, client.receive());
      assertEquals(9, pong.id());
      assertEquals(true, pong.clock().millis() >= before);
    }
  }

  private static Payload text(String text) {
    return Payload.ofText(text);
  }

  private static View view(Reply reply) {
    return assertInstanceOf(Outcome.Done.class, reply.outcome()).view();
  }

  private static Map<Long, Reply> byId(List<Reply> replies) {
    Map<Long, Reply> byId = new HashMap<>();
    replies.forEach(reply -> assertEquals(null, byId.put(reply.id(), reply)));
    return byId;
  }
}
