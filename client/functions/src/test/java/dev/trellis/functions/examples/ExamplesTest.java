package dev.trellis.functions.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.client.Trellis;
import dev.trellis.functions.Functions;
import dev.trellis.functions.agent.AgentHost;
import dev.trellis.functions.agent.AgentName;
import dev.trellis.functions.agent.AgentSettings;
import dev.trellis.functions.agent.Agents;
import dev.trellis.functions.runtime.CloudConfig;
import dev.trellis.functions.runtime.EmbeddedRuntime;
import dev.trellis.functions.runtime.FunctionConfig;
import dev.trellis.functions.runtime.ManualClock;
import dev.trellis.functions.runtime.Mischief;
import dev.trellis.junit.TrellisExtension;
import dev.trellis.lattice.Payload;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
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

  @Test
  void whatIsSaidInARoomIsHeardOnceByAllWhoAreThereThoughAHostEnds(Trellis trellis) {
    Duration patience = Duration.ofSeconds(30);
    AgentSettings settings = AgentSettings.DEFAULT.withLease(Duration.ofMillis(500));
    AgentHost first = chatHost(trellis, settings);
    AgentHost second = chatHost(trellis, settings);
    try (Agents agents = Agents.over(trellis, settings)) {
      AgentName room = ChatRoom.room("kitchen");
      List<String> said = new ArrayList<>();
      for (String name : List.of("ann", "bob", "eve")) {
        agents.tell(room, Payload.ofText("join " + name));
      }
      for (int line = 0; line < 30; line++) {
        if (line == 15) {
          first.close();
        }
        said.add((line % 2 == 0 ? "ann: " : "bob: ") + line);
        agents.tell(room, Payload.ofText(said.getLast()));
      }
      for (String name : List.of("ann", "bob", "eve")) {
        List<String> heard = List.of();
        for (int ask = 0; heard.size() < said.size() && ask < 10_000; ask++) {
          heard =
              ChatRoom.lines(agents.ask(ChatRoom.person(name), Payload.EMPTY, patience)).stream()
                  .sorted()
                  .toList();
        }
        assertEquals(said.stream().sorted().toList(), heard);
      }
    } finally {
      first.close();
      second.close();
    }
  }

  private static AgentHost chatHost(Trellis trellis, AgentSettings settings) {
    return AgentHost.over(trellis)
        .serving(ChatRoom.ROOM, name -> new ChatRoom.Room())
        .serving(ChatRoom.PERSON, name -> new ChatRoom.Person())
        .withSettings(settings)
        .start();
  }
}
