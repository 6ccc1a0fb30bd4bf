package dev.trellis.functions.mailbox;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.trellis.client.Calls;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.junit.TrellisExtension;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/// Inboxes of those who may not do all that they would, against a real node.
@Timeout(120)
class InboxTest {
  private static final Duration FOREVER = Duration.ofSeconds(Long.MAX_VALUE);

  @RegisterExtension static final TrellisExtension STORE = TrellisExtension.perMethod();

  private final AtomicReference<Optional<ErrorCode>> refusal =
      new AtomicReference<>(Optional.empty());

  private Calls refusingTrims(Trellis trellis) {
    return (key, operation, options) -> {
      Optional<ErrorCode> code = refusal.get();
      return operation instanceof Mutation.Trim && code.isPresent()
          ? CompletableFuture.failedFuture(TrellisException.of(code.get(), "not by you"))
          : trellis.execute(key, operation, options);
    };
  }

  @Test
  void whoMayNotTrimIsToldAndWhatWasAcknowledgedIsTrimmedOnceHeMay(Trellis trellis) {
    try (Mailboxes mailboxes = Mailboxes.over(refusingTrims(trellis));
        Inbox inbox = mailboxes.pull("m")) {
      for (ErrorCode code :
          List.of(
              ErrorCode.FORBIDDEN,
              ErrorCode.UNAUTHENTICATED,
              ErrorCode.BAD_REQUEST,
              ErrorCode.KIND_MISMATCH)) {
        refusal.set(Optional.of(code));
        mailboxes.sender().send("m", code.name()).join();
        Delivery taken = inbox.take(1, FOREVER).getFirst();
        assertEquals(code.name(), taken.message().body().text());
        CompletionException failed =
            assertThrows(
                CompletionException.class,
                () -> inbox.acknowledge(taken).orTimeout(60, TimeUnit.SECONDS).join());
        TrellisException told = assertInstanceOf(TrellisException.class, failed.getCause());
        assertEquals(code, told.code());
      }
      assertEquals(4, trellis.log(Names.mailbox("m")).size());
      refusal.set(Optional.empty());
      inbox.acknowledge(List.of()).join();
      assertEquals(0, trellis.log(Names.mailbox("m")).size());
    }
  }
}
