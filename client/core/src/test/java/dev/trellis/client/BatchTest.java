package dev.trellis.client;

import static dev.trellis.client.Endings.done;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.client.FakeNode.Received;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Several calls in one frame.
class BatchTest {
  private FakeNode node;
  private Trellis trellis;

  @BeforeEach
  void start() throws Exception {
    node = new FakeNode("node-1");
  }

  private void connect() {
    trellis = Trellis.connect(FakeNode.config(node.address()));
  }

  @AfterEach
  void stop() throws Exception {
    trellis.close();
    node.close();
  }

  private static List<Call> puts(int count, int bytes) {
    List<Call> calls = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      calls.add(
          new Call(Payload.ofText("key-" + i), new Mutation.Put(Payload.of(new byte[bytes]))));
    }
    return calls;
  }

  private List<Frame.Batch> batches() {
    return node.frames.stream()
        .filter(Frame.Batch.class::isInstance)
        .map(Frame.Batch.class::cast)
        .toList();
  }

  @Test
  void callsForOneShardTravelTogetherAndEachHasAnOutcome() throws Exception {
    node.script =
        received -> {
          if (received.request().key().equals(Payload.ofText("key-7"))) {
            received.refuse(ErrorCode.KIND_MISMATCH);
          } else {
            received.answerDone();
          }
        };
    connect();
    List<CompletableFuture<Reply>> futures = trellis.executeAll(puts(100, 8));
    for (int i = 0; i < 100; i++) {
      CompletableFuture<Reply> future = futures.get(i);
      if (i == 7) {
        ExecutionException failed = assertThrows(ExecutionException.class, () -> done(future));
        assertInstanceOf(DefiniteException.KindMismatch.class, failed.getCause());
      } else {
        done(future);
      }
    }
    assertEquals(List.of(100), batches().stream().map(batch -> batch.requests().size()).toList());
  }

  @Test
  void whatIsNoPlainRequestTravelsInTheSameFrame() throws Exception {
    connect();
    List<Call> calls = puts(20, 8);
    calls.add(new Call(Payload.ofText("count"), new Mutation.Increment(1)));
    calls.add(new Call(Payload.ofText("long"), new Mutation.Put(Payload.of(new byte[5_000]))));
    calls.add(new Call(Payload.ofText("read"), Read.Get.ANY));
    for (CompletableFuture<Reply> future : trellis.executeAll(calls)) {
      done(future);
    }
    for (CompletableFuture<Reply> future : trellis.executeAll(calls.subList(0, 20))) {
      done(future);
    }
    assertEquals(
        List.of(calls, calls.subList(0, 20)),
        batches().stream()
            .map(
                batch ->
                    batch.requests().stream()
                        .map(request -> new Call(request.key(), request.operation()))
                        .toList())
            .toList());
    List<Long> sequences =
        batches().stream()
            .flatMap(batch -> batch.requests().stream())
            .map(request -> request.context().sequence())
            .filter(sequence -> sequence > 0)
            .toList();
    assertEquals(LongStream.rangeClosed(1, 42).boxed().toList(), sequences);
  }

  @Test
  void aFaultInABatchIsThatOfItsCallOnly() throws Exception {
    connect();
    List<Call> calls = puts(10, 8);
    calls.set(3, new Call(Payload.EMPTY, Read.Get.ANY));
    List<CompletableFuture<Reply>> futures = trellis.executeAll(calls);
    for (int i = 0; i < 10; i++) {
      CompletableFuture<Reply> future = futures.get(i);
      if (i == 3) {
        ExecutionException failed = assertThrows(ExecutionException.class, () -> done(future));
        assertInstanceOf(DefiniteException.class, failed.getCause());
      } else {
        done(future);
      }
    }
    assertEquals(List.of(9), batches().stream().map(batch -> batch.requests().size()).toList());
  }

  @Test
  void batchesKeepToTheLimitsOfTheShard() throws Exception {
    node.limits = new Limits(1_024, 1_024, 64 << 10, 16);
    connect();
    for (CompletableFuture<Reply> future : trellis.executeAll(puts(100, 8))) {
      done(future);
    }
    assertTrue(batches().stream().allMatch(batch -> batch.requests().size() <= 16));
    assertEquals(100, node.requests.size());
  }

  @Test
  void aBatchTooLargeForAFrameIsSentOneByOne() throws Exception {
    node.limits = new Limits(1_024, 32 << 10, 64 << 10, 10_000);
    connect();
    for (CompletableFuture<Reply> future : trellis.executeAll(puts(30, 30_000))) {
      done(future);
    }
    assertEquals(30, node.requests.size());
    assertTrue(batches().stream().allMatch(batch -> batch.requests().size() * 30_000 <= 64 << 10));
  }

  @Test
  void repliesOfABatchMayComeTogether() throws Exception {
    List<Reply> replies = new ArrayList<>();
    node.script =
        received -> {
          replies.add(
              FakeNode.reply(
                  received.request().id(),
                  new dev.trellis.wire.Outcome.Done(
                      new dev.trellis.wire.View.Nothing(), 1, false)));
          if (replies.size() == 10) {
            received.peer().send(new Frame.Answers(replies));
          }
        };
    connect();
    for (CompletableFuture<Reply> future : trellis.executeAll(puts(10, 1))) {
      done(future);
    }
  }

  @Test
  void aBatchWhoseConnectionIsLostIsRepeatedCallByCall() throws Exception {
    node.script = received -> {};
    connect();
    List<Call> calls = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      calls.add(new Call(Payload.ofText("key-" + i), new Mutation.Increment(i)));
    }
    List<CompletableFuture<Reply>> futures = trellis.executeAll(calls);
    for (int i = 0; i < 10; i++) {
      node.next();
    }
    node.script = Received::answerDone;
    node.dropConnections();
    for (CompletableFuture<Reply> future : futures) {
      done(future);
    }
    for (int i = 0; i < 10; i++) {
      assertTrue(node.next().request().context().repeat());
    }
  }

  @Test
  void anEmptyBatchIsNoBatch() {
    connect();
    assertEquals(List.of(), trellis.executeAll(List.of()));
  }
}
