package dev.trellis.functions.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.client.Trellis;
import dev.trellis.functions.Functions;
import dev.trellis.functions.runtime.CloudConfig;
import dev.trellis.functions.runtime.EmbeddedRuntime;
import dev.trellis.functions.runtime.FunctionConfig;
import dev.trellis.functions.runtime.ManualClock;
import dev.trellis.functions.runtime.Mischief;
import dev.trellis.junit.TrellisExtension;
import dev.trellis.lattice.Payload;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// The examples do what they say, in a cloud that does what clouds do.
@ExtendWith(TrellisExtension.class)
class ExamplesTest {
  private static final CloudConfig CLOUD = CloudConfig.mischievous(9, 0.2);
  private static final FunctionConfig PERSISTENT = FunctionConfig.DEFAULT.withMaxAttempts(1_000);

  private static EmbeddedRuntime.Builder cloud(Trellis trellis) {
    return EmbeddedRuntime.builder(Functions.over(trellis))
        .cloud(CLOUD)
        .clock(new ManualClock(Instant.EPOCH));
  }

  private static String call(EmbeddedRuntime cloud, String function, String argument) {
    return cloud.invoke(function, Payload.ofText(argument)).join().answered().result().text();
  }

  @Test
  void aCartHoldsWhatWasPutIntoIt(Trellis trellis) throws InterruptedException {
    try (EmbeddedRuntime cloud =
        cloud(trellis).register("cart", new ShoppingCart(), PERSISTENT).start()) {
      for (int round = 0; round < 10; round++) {
        call(cloud, "cart", "add ann apples 3");
        call(cloud, "cart", "add ann pears 1");
        call(cloud, "cart", "add ann apples -1");
        call(cloud, "cart", "add bob nuts 5");
      }
      cloud.quiesce();
      assertEquals("apples: 20, pears: 10", call(cloud, "cart", "show ann"));
      assertEquals("nuts: 50", call(cloud, "cart", "show bob"));
      assertTrue(cloud.report().runs() > 40, cloud.report().toString());
    }
  }

  @Test
  void aUserWhoAsksTooOftenIsRefused(Trellis trellis) {
    // What crashes asks again, and an answer that is lost is no request to be counted twice.
    try (EmbeddedRuntime cloud =
        cloud(trellis).register("limit", new RateLimiter(5), PERSISTENT).start()) {
      List<String> answers = new ArrayList<>();
      List<String> others = new ArrayList<>();
      // Two minutes in a row at most, so that some minute has ten of these.
      for (int request = 0; request < 20; request++) {
        answers.add(call(cloud, "limit", "ann"));
      }
      others.add(call(cloud, "limit", "bob"));
      int yes = Collections.frequency(answers, "yes");
      assertTrue(yes == 5 || yes == 10, answers.toString());
      assertEquals(List.of("yes"), others);
    }
  }

  @Test
  void theWordsOfTheseDocsAreCounted(Trellis trellis) throws Exception {
    Path docs = Path.of(System.getProperty("trellis.root"), "docs");
    Map<String, Integer> expected = new TreeMap<>();
    for (Path page : WordCount.pages(docs)) {
      WordCount.count(Files.readString(page))
          .forEach((word, number) -> expected.merge(word, number, Integer::sum));
    }
    AtomicReference<EmbeddedRuntime> self = new AtomicReference<>();
    try (EmbeddedRuntime cloud =
        EmbeddedRuntime.builder(Functions.over(trellis))
            // The function that gathers waits for others, whose attempts must not run out.
            .cloud(CLOUD.with(Mischief.DUPLICATE_BESIDE, 0.5))
            .clock(new ManualClock(Instant.EPOCH))
            .register("words-of-page", WordCount::ofPage, PERSISTENT)
            .register(
                "words-of-folder",
                WordCount.ofFolder(Functions.over(trellis), call -> self.get().invoke(call)),
                PERSISTENT)
            .start()) {
      self.set(cloud);
      assertEquals(
          WordCount.encode(expected).text(), call(cloud, "words-of-folder", docs.toString()));
      cloud.quiesce();
    }
  }
}
