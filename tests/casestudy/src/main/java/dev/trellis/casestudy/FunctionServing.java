package dev.trellis.casestudy;

import dev.trellis.cache.NearCache;
import dev.trellis.cache.NearCacheConfig;
import dev.trellis.causal.InvocationId;
import dev.trellis.client.Trellis;
import dev.trellis.functions.Function;
import dev.trellis.functions.FunctionCall;
import dev.trellis.functions.Functions;
import dev.trellis.functions.Invoker;
import dev.trellis.functions.Result;
import dev.trellis.functions.StoredFuture;
import dev.trellis.lattice.Payload;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/// A function whose model is in the store, behind a near cache, and whose results are futures in
/// the store. Caller and function have a client each, and know nothing of each other but what a
/// [HandOver] carries.
final class FunctionServing implements Serving {
  static final String MODEL = "casestudy:prediction-serving:model";
  private static final String FUNCTION = "classify";
  private static final int ID_CHARACTERS = 32;
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  /// How calls get from who makes them to the function that carries them out.
  interface HandOver extends AutoCloseable {
    /// What it is, for people.
    String name();

    /// For the caller.
    ///
    /// @return completes once the call will not be forgotten
    CompletableFuture<?> send(InvocationId id, Payload batch);

    /// Has each call run, one at a time, in the order in which they were sent.
    void receive(Consumer<FunctionCall> function);

    /// Ends the function, and takes away what was kept in the store.
    @Override
    void close();
  }

  /// Nobody goes on with these results.
  static final Invoker NOBODY =
      call -> {
        throw new IllegalStateException("nobody is there to run " + call.function());
      };

  private final HandOver handOver;
  private final Trellis caller;
  private final Functions callers;
  private final Functions functions;
  private final NearCache cache;
  private final Classifier classifier = new Classifier();
  private final List<Payload> results = new ArrayList<>(); // their keys

  /// @param caller the client of who sends
  /// @param host that of the function
  FunctionServing(Trellis caller, Trellis host, HandOver handOver) {
    this.handOver = handOver;
    this.caller = caller;
    this.callers = Functions.over(caller);
    this.cache = NearCache.over(host, NearCacheConfig.DEFAULT);
    this.functions = Functions.over(host, cache);
    handOver.receive(this::run);
  }

  /// What travels from the caller to the function: the id of the call as text, and the batch.
  static Payload message(InvocationId id, Payload batch) {
    ByteBuffer bytes =
        ByteBuffer.allocate(ID_CHARACTERS + batch.size())
            .put(id.toString().getBytes(StandardCharsets.US_ASCII))
            .put(batch.asByteBuffer());
    return Payload.of(bytes.flip());
  }

  static FunctionCall call(Payload message) {
    byte[] bytes = message.toBytes();
    return FunctionCall.of(
        FUNCTION,
        InvocationId.ofText(new String(bytes, 0, ID_CHARACTERS, StandardCharsets.US_ASCII)),
        Payload.of(bytes, ID_CHARACTERS, bytes.length - ID_CHARACTERS));
  }

  private void run(FunctionCall call) {
    Function classify =
        (invocation, batch) ->
            classifier.clean(invocation.register(MODEL).get().orElseThrow(), batch);
    try {
      var _ = functions.run(call, classify, NOBODY);
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException("the function has failed", e);
    }
  }

  @Override
  public String name() {
    return handOver.name();
  }

  @Override
  public Payload serve(Payload batch) {
    InvocationId id = callers.newId();
    StoredFuture result = callers.future(id);
    results.add(result.key());
    // Both at once: the store wakes who waits, whenever the result comes.
    CompletableFuture<Result> there = result.awaitAsync(PATIENCE);
    CompletableFuture<?> sent = handOver.send(id, batch);
    return Trellis.await(sent.thenCombine(there, (done, kept) -> kept)).value();
  }

  @Override
  public Classifier classifier() {
    return classifier;
  }

  @Override
  public void close() {
    handOver.close();
    cache.close();
    for (Payload result : results) {
      var _ = caller.delete(result);
    }
  }
}
