package dev.trellis.functions.agent;

import dev.trellis.client.SetHandle;
import dev.trellis.client.Trellis;
import dev.trellis.lattice.Payload;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/// Which agents of a type are active or may have mail: where hosts look for work. One set a type,
/// of elements "period id".
///
/// Who has put mail somewhere says so, unless he did in the same period. An agent's elements are
/// removed once they are two periods old and a look into the mailbox since has found nothing: by
/// then whoever relied on them says it again.
final class MailIndex {
  private static final int PERIOD_DIGITS = 16;

  private final Trellis trellis;
  private final long periodMillis;
  private final Map<AgentName, Long> said = new ConcurrentHashMap<>(); // in which period

  MailIndex(Trellis trellis, Duration period) {
    this.trellis = trellis;
    this.periodMillis = period.toMillis();
  }

  /// The name ends in a slash, as those of a type's agents go on: who may read these may read it.
  static Payload key(String type) {
    return Payload.ofText("_trellis/agent-index/" + type + "/");
  }

  private SetHandle set(String type) {
    return trellis.set(key(type)).withOptions(Access.writing(trellis));
  }

  long period(long nowMillis) {
    return nowMillis / periodMillis;
  }

  /// Says that an agent has mail, after it was sent; nothing, if that was said in this period.
  CompletableFuture<?> hasMail(AgentName name) {
    long period = period(Access.nowMillis(trellis));
    @Nullable Long last = said.get(name);
    if (last != null && last >= period) {
      return CompletableFuture.completedFuture(null);
    }
    Payload element = Payload.ofText(HexFormat.of().toHexDigits(period) + " " + name.id());
    return set(name.type())
        .addAsync(List.of(element))
        .thenAccept(
            added -> {
              if (said.size() > 100_000) {
                said.clear(); // saying it again is harmless
              }
              said.merge(name, period, Math::max);
            });
  }

  /// The elements of a type's set by agent, each with the periods in which it was said.
  static Map<AgentName, NavigableMap<Long, Payload>> read(
      String type, Collection<Payload> elements) {
    Map<AgentName, NavigableMap<Long, Payload>> found = new HashMap<>();
    for (Payload element : elements) {
      String text = element.text();
      if (text.length() > PERIOD_DIGITS + 1) {
        long period = HexFormat.fromHexDigitsToLong(text, 0, PERIOD_DIGITS);
        found
            .computeIfAbsent(
                new AgentName(type, text.substring(PERIOD_DIGITS + 1)), name -> new TreeMap<>())
            .put(period, element);
      }
    }
    return found;
  }

  CompletableFuture<?> remove(String type, Collection<Payload> elements) {
    return set(type).removeAsync(elements);
  }
}
