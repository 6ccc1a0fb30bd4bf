package dev.trellis.routing.gateway;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import dev.trellis.client.Call;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/// Carries out a batch: a list of operations, each with an outcome of its own, in the order given.
/// All are read before the first is carried out, so a malformed batch changes nothing.
///
/// The answer may be far larger than the request, so a batch is carried out slice by slice: few
/// reads at a time, and none any more once the answer is as long as a document may be. A read for
/// whose answer there is no memory is overloaded; what else the batch has to do is done.
final class BatchRunner {
  private static final String GET = "get";

  /// Reads in a slice.
  private static final int SLICE_READS = 32;

  private static final int SLICE_CALLS = 1_000;

  private final Limits limits;

  BatchRunner(Limits limits) {
    this.limits = limits;
  }

  /// One operation of a batch.
  private sealed interface Item {
    Payload key();

    Call call();
  }

  private record ReadItem(ReadCall read) implements Item {
    @Override
    public Payload key() {
      return read.key();
    }

    @Override
    public Call call() {
      return read.first();
    }
  }

  private record WriteItem(Payload key, Mutation mutation, Options options) implements Item {
    @Override
    public Call call() {
      return new Call(key, mutation, options.call());
    }
  }

  /// Carries out the operations in a document.
  ///
  /// @param store that acts for who asks, and counts what it answers as held
  /// @return the JSON list of their outcomes, in the same order
  /// @throws Refusal if the document is no list of well-formed operations
  CompletableFuture<ByteBuf> run(JsonNode document, Store store, Holding holding) {
    List<Item> items = items(document);
    ByteBuf out = Unpooled.buffer(256).writeByte('[');
    return runFrom(store, holding, items, 0, out)
        .thenApply(done -> done.writeByte(']').writeByte('\n'));
  }

  private List<Item> items(JsonNode document) {
    if (!document.isArray()) {
      throw Refusal.badRequest(
          "a batch is a JSON list of operations, such as [{\"operation\":"
              + " \"get\", \"key\": \"a\"}]");
    }
    if (document.size() > limits.batchKeysMax()) {
      throw new Refusal(
          ProblemType.VALUE_TOO_LARGE,
          "the batch has "
              + document.size()
              + " operations; the limit, limits.batch, is "
              + limits.batchKeysMax());
    }
    List<Item> items = new ArrayList<>(document.size());
    for (int at = 0; at < document.size(); at++) {
      items.add(item(document.get(at), "operation " + at + " of the batch: "));
    }
    return items;
  }

  private Item item(JsonNode node, String place) {
    Arguments arguments = Arguments.of(node, place);
    String operation =
        arguments.text("operation").orElseThrow(() -> arguments.missing("operation"));
    Payload key = arguments.payload("key").orElseThrow(() -> arguments.missing("key"));
    try {
      Endpoints.requireKey(key, limits);
    } catch (Refusal refusal) {
      throw new Refusal(refusal.problem().withDetail(place + refusal.problem().detail()));
    }
    Item item;
    if (operation.equals(GET)) {
      item = new ReadItem(ReadCall.of(key, arguments));
    } else {
      MutationName name = mutationName(operation, arguments);
      Mutation mutation = Mutations.read(name, arguments);
      item = new WriteItem(key, mutation, Options.ofMutation(arguments, mutation));
    }
    arguments.requireAllUsed(operation);
    return item;
  }

  private static MutationName mutationName(String word, Arguments arguments) {
    try {
      return MutationName.ofWord(word);
    } catch (IllegalArgumentException e) {
      throw arguments.refusal(e.getMessage() + ", " + GET);
    }
  }

  private CompletableFuture<ByteBuf> runFrom(
      Store store, Holding holding, List<Item> items, int start, ByteBuf out) {
    if (start == items.size()) {
      return CompletableFuture.completedFuture(out);
    }
    boolean readsFit = readsFit(out) && !holding.isOver();
    int end = sliceEnd(items, start, readsFit);
    List<Item> slice = items.subList(start, end);
    return results(store, slice, readsFit)
        .thenCompose(
            results -> {
              for (int at = 0; at < slice.size(); at++) {
                write(out, holding, slice.get(at), results.get(at));
              }
              return runFrom(store, holding, items, end, out);
            });
  }

  private boolean readsFit(ByteBuf out) {
    return out.readableBytes() < limits.frameBytesMax();
  }

  private static int sliceEnd(List<Item> items, int start, boolean readsFit) {
    int reads = 0;
    int end = start;
    while (end < items.size() && end - start < SLICE_CALLS) {
      boolean isRead = items.get(end) instanceof ReadItem;
      if (isRead && readsFit && ++reads > SLICE_READS) {
        break;
      }
      end++;
    }
    return end;
  }

  /// The results of a slice; empty for a read that is not asked any more.
  private CompletableFuture<List<Optional<StoreResult>>> results(
      Store store, List<Item> slice, boolean readsFit) {
    List<Call> calls = new ArrayList<>();
    for (Item item : slice) {
      if (readsFit || item instanceof WriteItem) {
        calls.add(item.call());
      }
    }
    List<CompletableFuture<StoreResult>> asked = store.executeAll(calls);
    List<CompletableFuture<Optional<StoreResult>>> settled = new ArrayList<>(slice.size());
    int next = 0;
    for (Item item : slice) {
      CompletableFuture<Optional<StoreResult>> one =
          switch (item) {
            case WriteItem _ -> asked.get(next++).thenApply(Optional::of);
            case ReadItem read when readsFit ->
                asked
                    .get(next++)
                    .thenCompose(first -> read.read.settle(store, first))
                    .thenApply(Optional::of);
            case ReadItem _ -> CompletableFuture.completedFuture(Optional.empty());
          };
      settled.add(one);
    }
    return CompletableFuture.allOf(settled.toArray(new CompletableFuture<?>[0]))
        .thenApply(all -> settled.stream().map(CompletableFuture::join).toList());
  }

  /// Writes an outcome, and lets go of what was held for it.
  private void write(ByteBuf out, Holding holding, Item item, Optional<StoreResult> result) {
    int before = out.readableBytes();
    if (before > 1) {
      out.writeByte(',');
    }
    boolean isLeftOut = result.isEmpty() || (item instanceof ReadItem && !readsFit(out));
    long length = isLeftOut ? 0 : Weights.jsonOf(result.get());
    boolean isWithoutRoom = item instanceof ReadItem && !holding.tryGrow(length);
    if (isWithoutRoom) {
      length = 0;
    }
    Json.append(
        out,
        json -> {
          json.writeStartObject();
          if (isLeftOut) {
            writeProblem(json, item.key(), answerIsFull());
          } else if (isWithoutRoom) {
            writeProblem(
                json,
                item.key(),
                Problem.of(MeteredStore.overloaded("gateway.memory.max is full")));
          } else {
            writeOutcome(json, item, result.orElseThrow());
          }
          json.writeEndObject();
        });
    // By now it is known how long it was.
    holding.take(out.readableBytes() - before);
    holding.give((item instanceof ReadItem ? length : 0) + result.map(Weights::of).orElse(0L));
  }

  private Problem answerIsFull() {
    return Problem.of(
        ProblemType.VALUE_TOO_LARGE,
        "the outcomes before this one fill the "
            + limits.frameBytesMax()
            + " bytes that an answer may have; ask for this key in another batch");
  }

  private static void writeOutcome(JsonGenerator json, Item item, StoreResult result)
      throws IOException {
    switch (result) {
      case StoreResult.Done done -> {
        switch (item) {
          case ReadItem(ReadCall read) -> {
            if (done.outcome().view() instanceof View.Missing) {
              writeProblem(json, read.key(), Endpoints.missing(read.key(), read.field()));
            } else {
              json.writeNumberField("status", 200);
              Views.writeRead(json, read.key(), read.field(), done);
            }
          }
          case WriteItem write -> {
            json.writeNumberField("status", 200);
            Views.writeWritten(json, write.key(), done);
          }
        }
      }
      case StoreResult.Failed failed -> {
        Optional<Reply> kept =
            item instanceof WriteItem write
                ? write.options().acceptedShortfall(failed)
                : Optional.empty();
        if (kept.isPresent()) {
          json.writeNumberField("status", 202);
          Views.writeShortfall(json, item.key(), kept.get(), failed.message());
        } else {
          writeProblem(json, item.key(), Problem.of(failed));
        }
      }
    }
  }

  private static void writeProblem(JsonGenerator json, Payload key, Problem problem)
      throws IOException {
    json.writeNumberField("status", problem.status());
    json.writeFieldName("key");
    Json.writePayload(json, key);
    json.writeFieldName("problem");
    Views.writeProblem(json, problem);
  }
}
