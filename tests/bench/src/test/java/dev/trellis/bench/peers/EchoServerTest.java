package dev.trellis.bench.peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import dev.trellis.client.Call;
import dev.trellis.client.CallOptions;
import dev.trellis.client.Trellis;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import io.netty.channel.Channel;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// To the client that drives both, the echo server is a node of one shard.
class EchoServerTest {
  private static final int VALUE_BYTES = 64;

  private Channel server;
  private Trellis client;

  @BeforeEach
  void start() throws InterruptedException {
    server = EchoServer.start(0, VALUE_BYTES);
    client = Trellis.connect("127.0.0.1:" + ((InetSocketAddress) server.localAddress()).getPort());
  }

  @AfterEach
  void stop() throws InterruptedException {
    client.close();
    server.close().sync();
  }

  @Test
  void aReadGetsAValueAndAWriteAReceipt() {
    assertEquals(VALUE_BYTES, client.register("a").get().orElseThrow().size());
    Reply written =
        client
            .execute(
                Payload.ofText("a"),
                new Mutation.Put(Payload.of(new byte[VALUE_BYTES])),
                CallOptions.DEFAULT)
            .join();
    assertInstanceOf(View.Nothing.class, ((Outcome.Done) written.outcome()).view());
    assertEquals(1, written.receipt().copies());
  }

  @Test
  void eachOfManyCallsGetsItsOwnReplySinglyAndInBatches() {
    Read.Get get = new Read.Get(Optional.of(Kind.LWW));
    List<CompletableFuture<Reply>> replies = new ArrayList<>();
    List<Call> batch = new ArrayList<>();
    for (int call = 0; call < 300; call++) { // so that ids take two bytes
      Payload key = Payload.ofText("key:" + call);
      replies.add(client.execute(key, get, CallOptions.DEFAULT));
      batch.add(new Call(key, get));
    }
    replies.addAll(client.executeAll(batch));
    for (CompletableFuture<Reply> reply : replies) {
      View.Bytes view = (View.Bytes) ((Outcome.Done) reply.join().outcome()).view();
      assertEquals(VALUE_BYTES, view.value().size());
    }
  }
}
