package dev.trellis.adapters.spring;

import dev.trellis.client.session.SessionToken;
import dev.trellis.functions.FunctionCall;
import dev.trellis.functions.Invoker;
import dev.trellis.lattice.Payload;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.cloud.function.context.FunctionCatalog;
import org.springframework.messaging.Message;
import org.springframework.messaging.support.MessageBuilder;

/// Has functions run that are in the catalog of Spring Cloud Function in this process, each a
/// [TrellisFunction], by the names of their beans.
///
/// Nothing here outlives the process. So a call is done when the function has run, and whoever asks
/// for one waits that long: a function with whose result another one goes on is done when that is,
/// and whoever repeats the one repeats the other. Calls run on virtual threads. Safe for any
/// thread.
public final class CatalogInvoker implements Invoker {
  private final Supplier<FunctionCatalog> catalog;

  CatalogInvoker(Supplier<FunctionCatalog> catalog) {
    this.catalog = catalog;
  }

  /// Runs functions of a catalog.
  public static CatalogInvoker of(FunctionCatalog catalog) {
    return new CatalogInvoker(() -> catalog);
  }

  @Override
  public CompletableFuture<@Nullable Void> invoke(FunctionCall call) {
    CompletableFuture<@Nullable Void> done = new CompletableFuture<>();
    Thread.ofVirtual()
        .name("trellis-call-" + call.function())
        .start(
            () -> {
              try {
                run(call);
                done.complete(null);
              } catch (RuntimeException | Error e) {
                done.completeExceptionally(e);
              }
            });
    return done;
  }

  private void run(FunctionCall call) {
    @Nullable Function<Object, Object> function = catalog.get().lookup(call.function());
    if (function == null) {
      throw new IllegalStateException(
          "there is no function '" + call.function() + "' in the catalog of this program");
    }
    Object answer = function.apply(message(call));
    // Another kind of function may have run, and kept nothing.
    boolean kept =
        answer instanceof Message<?> message
            && TrellisFunction.header(message, TrellisFunction.INVOCATION)
                .equals(Optional.of(call.id().toString()));
    if (!kept) {
      throw new IllegalStateException(
          "the function '"
              + call.function()
              + "' is none of TrellisFunction.of, so its result is kept nowhere");
    }
  }

  private static Message<byte[]> message(FunctionCall call) {
    Payload payload =
        switch (call.argument()) {
          case FunctionCall.Given given -> given.value();
          case FunctionCall.ResultOf of -> Payload.EMPTY;
        };
    MessageBuilder<byte[]> message =
        MessageBuilder.withPayload(payload.toBytes())
            .setHeader(TrellisFunction.INVOCATION, call.id().toString())
            .setHeader(TrellisFunction.KEEP_RESULT, "true");
    if (call.argument() instanceof FunctionCall.ResultOf of) {
      message.setHeader(TrellisFunction.RESULT_OF, of.id().toString());
    }
    call.token().ifPresent(token -> message.setHeader(SessionToken.HEADER, token.text()));
    return message.build();
  }
}
