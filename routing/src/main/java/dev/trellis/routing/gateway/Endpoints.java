package dev.trellis.routing.gateway;

import dev.trellis.causal.CausalContext;
import dev.trellis.client.Call;
import dev.trellis.client.ScanPage;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Threshold;
import dev.trellis.wire.View;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What the gateway does for each route: reads the request, asks the store, words the answer. No
/// state, no blocking; used by all event loops.
final class Endpoints {
  static final String KIND = "Trellis-Kind";
  static final String GENERATION = "Trellis-Generation";
  static final String CLOCK = "Trellis-Clock";
  static final String CONTEXT = "Trellis-Context";
  static final String RECEIPT = "Trellis-Receipt";
  static final String EXPIRES = "Trellis-Expires-At-Millis";

  private static final Logger LOG = LoggerFactory.getLogger(Endpoints.class);

  private static final int SCAN_LIMIT_DEFAULT = 100;

  /// Many clients refuse longer header fields. The JSON form of a value has its context in any
  /// case.
  private static final int CONTEXT_HEADER_CHARS_MAX = 4 << 10;

  private static final byte[] OPENAPI = resource("/openapi.yaml");

  private static final String INDEX =
      """
      This is the REST gateway of a Trellis cluster, a key-value store of lattices.

        curl -X PUT --data-binary world HOST/v1/keys/hello    put a value
        curl HOST/v1/keys/hello                               get it
        curl -X POST 'HOST/v1/keys/visits/add?by=1'           count
        curl 'HOST/v1/keys?prefix=&limit=10'                  list keys
        curl -N HOST/v1/keys/visits/watch                     watch a key
        curl 'HOST/v1/keys/visits/await?kind=counter&atLeast=9'
                                                              wait until it has got there

      Everything there is: HOST/openapi.yaml
      """;

  private final Limits limits;
  private final BatchRunner batches;

  Endpoints(Limits limits) {
    this.limits = limits;
    this.batches = new BatchRunner(limits);
  }

  /// The document that describes the gateway, which is no secret.
  static Answer.Whole document(Exchange exchange) {
    try {
      if (exchange.headers().contains(SessionStore.HEADER)) {
        SessionStore.requireTaken(Route.OPENAPI);
      }
      Arguments.of(exchange.target().query()).requireAllUsed("this document");
      return Answer.Whole.text("application/yaml", OPENAPI);
    } catch (Refusal refusal) {
      return Answer.Whole.of(refusal.problem());
    }
  }

  /// Answers a request. The stage may complete on any thread; exceptionally only with a defect.
  ///
  /// @param unmetered that acts for who asks
  CompletionStage<Answer> answer(Exchange exchange, Store unmetered) {
    Store store = new MeteredStore(unmetered, exchange.holding());
    try {
      exchange.match().key().ifPresent(key -> requireKey(key, limits));
      Optional<SessionStore> session = SessionStore.of(exchange, store);
      return session.isPresent()
          ? answerWithin(session.get(), exchange, store)
          : answer(exchange, store, store);
    } catch (Refusal refusal) {
      return CompletableFuture.completedStage(Answer.Whole.of(refusal.problem()));
    } catch (RuntimeException defect) {
      return CompletableFuture.failedStage(defect);
    }
  }

  /// Answers a request of a session. Whatever the answer is, it has the token to go on with, but
  /// for a defect: there the caller goes on with the one he has.
  private CompletionStage<Answer> answerWithin(
      SessionStore session, Exchange exchange, Store store) {
    CompletableFuture<Answer> answer = answer(exchange, store, session).toCompletableFuture();
    return Store.passingOnCancel(
        answer,
        answer.thenApply(
            any -> any instanceof Answer.Whole whole ? session.withToken(whole) : any));
  }

  /// @param calls who carries out calls on single keys: the store, or the session that the request
  ///   is part of
  private CompletionStage<Answer> answer(Exchange exchange, Store store, CallExecutor calls) {
    try {
      return switch (exchange.match().route()) {
        case INDEX -> CompletableFuture.completedStage(index(exchange));
        case OPENAPI -> CompletableFuture.completedStage(document(exchange));
        case CLUSTER -> {
          Arguments.of(exchange.target().query()).requireAllUsed("the cluster map");
          Frame.ClusterMap map = store.clusterMap();
          yield CompletableFuture.completedStage(
              Answer.Whole.json(200, json -> Views.writeClusterMap(json, map)));
        }
        case SCAN -> scan(exchange, store);
        case BATCH -> batch(exchange, store);
        case COMMIT -> commit(exchange, (SessionStore) calls);
        case ABORT -> CompletableFuture.completedStage(abort(exchange, (SessionStore) calls));
        case GET -> get(exchange, calls);
        case PUT -> put(exchange, calls);
        case DELETE -> delete(exchange, calls);
        case WATCH -> CompletableFuture.completedStage(watch(exchange));
        case AWAIT -> await(exchange, calls);
        case OPERATION -> operation(exchange, calls);
      };
    } catch (Refusal refusal) {
      return CompletableFuture.completedStage(Answer.Whole.of(refusal.problem()));
    }
  }

  /// What to answer when the answer could not be made.
  static Problem problemOf(Throwable failure) {
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    if (cause instanceof Refusal refusal) {
      return refusal.problem();
    }
    LOG.error("a request met a defect", cause);
    return new Problem(
        ProblemType.INTERNAL,
        "the gateway failed to answer this request; its log says more",
        false,
        Optional.empty(),
        Optional.empty());
  }

  static void requireKey(Payload key, Limits limits) {
    if (key.isEmpty()) {
      throw Refusal.badRequest(
          "the key is empty; it must have 1 to " + limits.keyBytesMax() + " bytes");
    }
    if (key.size() > limits.keyBytesMax()) {
      throw new Refusal(
          ProblemType.KEY_TOO_LONG,
          "the key has " + key.size() + " bytes; the limit is " + limits.keyBytesMax());
    }
  }

  static Problem missing(Payload key, List<Payload> field) {
    return Problem.of(
        ProblemType.KEY_MISSING,
        "key "
            + key
            + (field.isEmpty() ? "" : ", field " + field)
            + " is not there: never written, deleted or expired");
  }

  private static Answer index(Exchange exchange) {
    Arguments.of(exchange.target().query()).requireAllUsed("the index");
    if (!Acceptance.prefersJson(accept(exchange))) {
      return Answer.Whole.text("text/plain; charset=utf-8", INDEX.getBytes(StandardCharsets.UTF_8));
    }
    return Answer.Whole.json(
        200,
        json -> {
          json.writeStartObject();
          json.writeStringField("name", "Trellis REST gateway");
          json.writeStringField("description", "A key-value store of lattices");
          json.writeStringField("openapi", "/openapi.yaml");
          json.writeStringField("keys", "/v1/keys");
          json.writeStringField("cluster", "/v1/cluster");
          json.writeEndObject();
        });
  }

  private CompletionStage<Answer> get(Exchange exchange, CallExecutor calls) {
    Arguments arguments = Arguments.of(exchange.target().query());
    ReadCall call = ReadCall.of(key(exchange), arguments).withReceipt();
    arguments.requireAllUsed("a read");
    boolean asJson = Acceptance.prefersJson(accept(exchange));
    return call.run(calls)
        .thenApply(
            result ->
                switch (result) {
                  case StoreResult.Failed failed -> failed(failed);
                  case StoreResult.Done done -> found(exchange.holding(), call, done, asJson);
                });
  }

  private static Answer found(
      Holding holding, ReadCall call, StoreResult.Done done, boolean asJson) {
    View view = done.outcome().view();
    boolean isDocument = asJson || !(view instanceof View.Bytes || view instanceof View.Missing);
    if (isDocument && !holding.tryGrow(Weights.jsonOf(done))) {
      return withoutRoom();
    }
    Answer.Whole answer =
        switch (view) {
          case View.Missing _ -> Answer.Whole.of(missing(call.key(), call.field()));
          case View.Bytes bytes when !asJson ->
              Answer.Whole.of(
                  200,
                  "application/octet-stream",
                  Unpooled.wrappedBuffer(bytes.value().asByteBuffer()));
          default ->
              Answer.Whole.json(
                  200,
                  json -> {
                    json.writeStartObject();
                    Views.writeRead(json, call.key(), call.field(), done);
                    json.writeEndObject();
                  });
        };
    setMetadata(answer.headers(), done.reply());
    answer.headers().set(RECEIPT, ReceiptText.ofRead(done.reply()));
    answer.headers().set(HttpHeaderNames.VARY, HttpHeaderNames.ACCEPT);
    if (view instanceof View.Siblings siblings) {
      setContext(answer.headers(), siblings.context());
    }
    if (view instanceof View.Bytes bytes && bytes.expiresAtMillis() != 0) {
      answer.headers().set(EXPIRES, bytes.expiresAtMillis());
    }
    return answer;
  }

  private static Answer withoutRoom() {
    return Answer.Whole.of(
        Problem.of(
            MeteredStore.overloaded(
                "there is no memory for the answer: gateway.memory.max is full")));
  }

  private CompletionStage<Answer> put(Exchange exchange, CallExecutor calls) {
    Arguments arguments = Arguments.of(exchange.target().query());
    Optional<CausalContext> context =
        Optional.ofNullable(exchange.headers().get(CONTEXT)).map(Endpoints::parseContext);
    Mutation put = Mutations.put(arguments, Payload.of(exchange.body().nioBuffer()), context);
    return write(exchange, calls, arguments, put, "a put");
  }

  private CompletionStage<Answer> delete(Exchange exchange, CallExecutor calls) {
    Arguments arguments = Arguments.of(exchange.target().query());
    return write(exchange, calls, arguments, new Mutation.Delete(), "a deletion");
  }

  private CompletionStage<Answer> operation(Exchange exchange, CallExecutor calls) {
    MutationName name = exchange.match().operation().orElseThrow();
    Arguments arguments =
        exchange.body().isReadable()
            ? Arguments.of(exchange.target().query(), Json.parse(exchange.body()))
            : Arguments.of(exchange.target().query());
    return write(exchange, calls, arguments, Mutations.read(name, arguments), name.word());
  }

  private CompletionStage<Answer> write(
      Exchange exchange,
      CallExecutor calls,
      Arguments arguments,
      Mutation mutation,
      String subject) {
    Payload key = key(exchange);
    Options options = Options.ofMutation(arguments, mutation).withReceipt();
    arguments.requireAllUsed(subject);
    Call call = new Call(key, mutation, options.call());
    if (calls instanceof SessionStore session && session.isBuffering()) {
      if (options.failsOnShortfall()) {
        throw Refusal.badRequest(
            "'shortfall' of what waits for the commit is said there: POST /v1/commit?shortfall=fail");
      }
      return session.execute(call).thenApply(result -> waiting(key, session, result));
    }
    return calls.execute(call).thenApply(result -> written(key, options, result));
  }

  private static Answer waiting(Payload key, SessionStore session, StoreResult result) {
    return switch (result) {
      case StoreResult.Failed failed -> failed(failed);
      case StoreResult.Done _ ->
          Answer.Whole.json(
              202,
              json -> {
                json.writeStartObject();
                json.writeFieldName("key");
                Json.writePayload(json, key);
                json.writeNumberField("waiting", session.waiting());
                json.writeEndObject();
              });
    };
  }

  private static CompletionStage<Answer> commit(Exchange exchange, SessionStore session) {
    Arguments arguments = Arguments.of(exchange.target().query());
    Options options = Options.ofCommit(arguments);
    arguments.requireAllUsed("a commit");
    int writes = session.waiting();
    return session
        .commit()
        .handle(
            (receipt, failure) ->
                failure == null
                    ? committed(200, writes, receipt, Optional.empty())
                    : notCommitted(options, session, writes, ClientStore.failed(failure)));
  }

  private static Answer committed(
      int status, int writes, Receipt receipt, Optional<String> shortfall) {
    Answer.Whole answer =
        Answer.Whole.json(
            status,
            json -> {
              json.writeStartObject();
              json.writeNumberField("committed", writes);
              Views.writeReceipt(json, receipt);
              if (shortfall.isPresent()) {
                json.writeStringField("shortfall", shortfall.get());
              }
              json.writeEndObject();
            });
    if (writes > 0) {
      answer.headers().set(RECEIPT, ReceiptText.copies(receipt));
    }
    return answer;
  }

  /// A commit that was not carried out as asked: all, some or none of its writes may have been.
  private static Answer notCommitted(
      Options options, SessionStore session, int writes, StoreResult.Failed failed) {
    int left = session.waiting();
    Optional<Reply> kept = left == 0 ? options.acceptedShortfall(failed) : Optional.empty();
    if (kept.isPresent()) {
      return committed(202, writes, kept.get().receipt(), Optional.of(failed.message()));
    }
    if (left == writes || left == 0) {
      return failed(failed);
    }
    return Answer.Whole.of(
        Problem.of(
            new StoreResult.Failed(
                failed.code(),
                failed.message()
                    + ". Of the "
                    + writes
                    + " writes of the commit "
                    + (writes - left)
                    + " were carried out, and "
                    + left
                    + " wait still: commit again, or abort",
                false,
                failed.retryAfter(),
                failed.reply())));
  }

  private static Answer abort(Exchange exchange, SessionStore session) {
    Arguments.of(exchange.target().query()).requireAllUsed("an abort");
    int writes = session.waiting();
    session.abort();
    return Answer.Whole.json(
        200,
        json -> {
          json.writeStartObject();
          json.writeNumberField("aborted", writes);
          json.writeEndObject();
        });
  }

  private static Answer written(Payload key, Options options, StoreResult result) {
    return switch (result) {
      case StoreResult.Done done -> {
        Answer.Whole answer =
            Answer.Whole.json(
                200,
                json -> {
                  json.writeStartObject();
                  Views.writeWritten(json, key, done);
                  json.writeEndObject();
                });
        setMetadata(answer.headers(), done.reply());
        answer.headers().set(RECEIPT, ReceiptText.ofWrite(done.reply()));
        if (done.outcome().view() instanceof View.Siblings siblings) {
          setContext(answer.headers(), siblings.context());
        }
        yield answer;
      }
      case StoreResult.Failed failed -> {
        Optional<Reply> kept = options.acceptedShortfall(failed);
        if (kept.isEmpty()) {
          yield failed(failed);
        }
        Answer.Whole answer =
            Answer.Whole.json(
                202,
                json -> {
                  json.writeStartObject();
                  Views.writeShortfall(json, key, kept.get(), failed.message());
                  json.writeEndObject();
                });
        setMetadata(answer.headers(), kept.get());
        answer.headers().set(RECEIPT, ReceiptText.ofWrite(kept.get()));
        yield answer;
      }
    };
  }

  /// A problem that the store met. Where the state of the key is the reason, the answer tells it.
  private static Answer failed(StoreResult.Failed failed) {
    Answer.Whole answer = Answer.Whole.of(Problem.of(failed));
    if (failed.reply().isEmpty()) {
      return answer;
    }
    boolean isShortfall = Options.isShortfall(failed);
    if (isShortfall || answer.status() == 409 || answer.status() == 408) {
      setMetadata(answer.headers(), failed.reply().get());
    }
    if (isShortfall) {
      answer.headers().set(RECEIPT, ReceiptText.ofWrite(failed.reply().get()));
    }
    return answer;
  }

  private CompletionStage<Answer> batch(Exchange exchange, Store store) {
    Arguments.of(exchange.target().query()).requireAllUsed("a batch");
    return batches
        .run(Json.parse(exchange.body()), store, exchange.holding())
        .thenApply(outcomes -> Answer.Whole.of(200, Json.MEDIA_TYPE, outcomes));
  }

  private CompletionStage<Answer> scan(Exchange exchange, Store store) {
    Arguments arguments = Arguments.of(exchange.target().query());
    Payload prefix = arguments.payload("prefix").orElse(Payload.EMPTY);
    int limit = arguments.count("limit", Limits.SCAN_KEYS_MAX).orElse(SCAN_LIMIT_DEFAULT);
    Optional<Payload> after = arguments.word("cursor", Endpoints::parseCursor);
    boolean withValues = arguments.truth("values");
    arguments.requireAllUsed("a list of keys");
    return store
        .scan(prefix, after, limit, withValues)
        .thenApply(page -> page(exchange.holding(), page));
  }

  private static Answer page(Holding holding, ScanPage page) {
    if (!holding.tryGrow(Weights.jsonOf(page))) {
      return withoutRoom();
    }
    return Answer.Whole.json(
        200,
        json -> {
          json.writeStartObject();
          json.writeArrayFieldStart("keys");
          for (Frame.ScannedKey key : page.keys()) {
            Views.writeScannedKey(json, key);
          }
          json.writeEndArray();
          if (page.next().isPresent()) {
            json.writeStringField("cursor", cursor(page.next().get()));
          }
          json.writeEndObject();
        });
  }

  private static String cursor(Payload after) {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(after.toBytes());
  }

  private static Payload parseCursor(String cursor) {
    try {
      return Payload.of(Base64.getUrlDecoder().decode(cursor));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "'" + cursor + "' is no cursor; pass back that of the page before unchanged", e);
    }
  }

  private static Answer watch(Exchange exchange) {
    Arguments arguments = Arguments.of(exchange.target().query());
    Optional<Kind> kind = arguments.word("kind", Kind::ofWord);
    arguments.requireAllUsed("a watch");
    return new Answer.Events(key(exchange), kind);
  }

  /// Waits for a threshold. Cancelling the answer gives that up.
  private CompletionStage<Answer> await(Exchange exchange, CallExecutor calls) {
    Payload key = key(exchange);
    Arguments arguments = Arguments.of(exchange.target().query());
    Threshold threshold = Thresholds.read(arguments);
    Options options = Options.ofAwait(arguments);
    arguments.requireAllUsed("a wait");
    CompletableFuture<StoreResult> waiting =
        calls.execute(new Call(key, new Read.Await(threshold), options.call()));
    return Store.passingOnCancel(
        waiting, waiting.thenApply(result -> reached(exchange.holding(), key, result)));
  }

  private static Answer reached(Holding holding, Payload key, StoreResult result) {
    return switch (result) {
      case StoreResult.Failed failed -> failed(failed);
      case StoreResult.Done done when !holding.tryGrow(Weights.jsonOf(done)) -> withoutRoom();
      case StoreResult.Done done -> {
        Answer.Whole answer =
            Answer.Whole.json(
                200,
                json -> {
                  json.writeStartObject();
                  Views.writeRead(json, key, List.of(), done);
                  json.writeEndObject();
                });
        setMetadata(answer.headers(), done.reply());
        yield answer;
      }
    };
  }

  private static CausalContext parseContext(String text) {
    try {
      return ContextText.parse(text);
    } catch (IllegalArgumentException e) {
      throw Refusal.badRequest(CONTEXT + ": " + e.getMessage());
    }
  }

  private static Payload key(Exchange exchange) {
    return exchange.match().key().orElseThrow();
  }

  private static String accept(Exchange exchange) {
    return String.join(",", exchange.headers().getAll(HttpHeaderNames.ACCEPT));
  }

  private static void setMetadata(HttpHeaders headers, Reply reply) {
    reply.kind().ifPresent(kind -> headers.set(KIND, kind.word()));
    headers.set(GENERATION, ContextText.of(reply.generation()));
    headers.set(CLOCK, ContextText.of(reply.clock()));
  }

  private static void setContext(HttpHeaders headers, CausalContext context) {
    String text = ContextText.of(context);
    if (text.length() <= CONTEXT_HEADER_CHARS_MAX) {
      headers.set(CONTEXT, text);
    }
  }

  private static byte[] resource(String name) {
    try (InputStream in = Endpoints.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("the resource " + name + " is not in the jar");
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException("reading the resource " + name, e);
    }
  }
}
