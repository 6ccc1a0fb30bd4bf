package dev.trellis.node.shard;

import static dev.trellis.node.shard.TestShard.bytes;
import static dev.trellis.node.shard.TestShard.done;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Mutation.ScoredMember;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.RequestContext;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

/// Random requests of every kind, in keys and nested fields, with times to live, deletes, repeats
/// and passing time: after each, the shard shows what plain collections show.
class ShardAgainstNaiveTest {
  private static final int STEPS = 400;

  @Test
  void showsWhatPlainCollectionsShow() {
    Seeds.forAll(150, random -> new Comparison(random).run());
  }

  private static final class Comparison {
    private final RandomGenerator random;
    private final TestShard shard = new TestShard();
    private final TreeMap<String, NaiveEntry> naive = new TreeMap<>();
    private final TreeMap<String, Map<Long, View>> watched = new TreeMap<>();

    Comparison(RandomGenerator random) {
      this.random = random;
    }

    void run() {
      for (int watch = 0; watch < 3; watch++) {
        String key = key();
        shard.watch(TestShard.CLIENT, watch, key);
        watched
            .computeIfAbsent(key, ignored -> new TreeMap<>())
            .put((long) watch, new View.Nothing());
      }
      for (int step = 0; step < STEPS; step++) {
        mutate();
        if (random.nextInt(4) == 0) {
          pass();
        }
        compare();
      }
    }

    private String key() {
      return "k" + random.nextInt(6);
    }

    private void mutate() {
      String key = key();
      NaiveEntry model = naive.computeIfAbsent(key, ignored -> new NaiveEntry());
      Mutation mutation = mutation(model, random.nextInt(4) == 0 ? random.nextInt(1, 4) : 0);
      long ttl = random.nextInt(4) == 0 ? random.nextLong(1, 200) : 0;
      RequestContext context = shard.next().withTtlMillis(ttl);
      Reply reply = shard.send(key, mutation, context);
      String what = mutation + " of " + key + ": " + reply;
      try {
        long changed = model.apply(mutation, ttl, shard.nowMillis(), reply.dots());
        Outcome.Done done = done(reply);
        assertEquals(changed, done.changed(), what);
      } catch (NaiveEntry.Refused refused) {
        assertEquals(refused.code(), TestShard.failed(refused.code(), reply).code(), what);
      }
      assertEquals(model.kind(shard.nowMillis()), reply.kind(), what);
      if (reply.outcome() instanceof Outcome.Done && random.nextInt(5) == 0) {
        Outcome.Done again = done(shard.send(key, mutation, context.repeated()));
        assertEquals(true, again.repeated());
      }
    }

    private Mutation mutation(NaiveEntry model, int depth) {
      if (depth > 0) {
        return new Mutation.UpdateField(bytes("f" + random.nextInt(3)), mutation(model, depth - 1));
      }
      return switch (random.nextInt(20)) {
        case 0, 1 -> new Mutation.Put(value());
        case 2 -> new Mutation.Raise(random.nextInt(-5, 5));
        case 3 -> new Mutation.Lower(random.nextInt(-5, 5));
        case 4 -> new Mutation.Enable();
        case 5 -> new Mutation.Increment(random.nextInt(-2, 3));
        case 6 -> new Mutation.Add(Kind.GSET, values());
        case 7 -> new Mutation.Add(Kind.OSET, values());
        case 8, 9 -> new Mutation.Add(Kind.ORSET, values());
        case 10 -> new Mutation.Remove(values());
        case 11 ->
            new Mutation.AddScored(
                values().stream().map(v -> new ScoredMember(v, random.nextInt(3))).toList());
        case 12 -> new Mutation.RemoveMembers(values());
        case 13 -> new Mutation.PutCausal(value(), context(model));
        case 14 -> new Mutation.PutPriority(random.nextInt(-2, 3), value());
        case 15 -> new Mutation.Append(values());
        case 16 -> new Mutation.Trim(context(model));
        case 17 ->
            new Mutation.Expire(
                random.nextBoolean()
                    ? OptionalLong.empty()
                    : OptionalLong.of(random.nextLong(1, 200)));
        default -> new Mutation.Delete();
      };
    }

    private Payload value() {
      return bytes("" + (char) ('a' + random.nextInt(4)));
    }

    private List<Payload> values() {
      List<Payload> some = new ArrayList<>();
      for (int i = random.nextInt(1, 4); i > 0; i--) {
        some.add(value());
      }
      return some;
    }

    /// Some of the dots that are there.
    private CausalContext context(NaiveEntry model) {
      List<Dot> some = new ArrayList<>(model.dots());
      some.removeIf(dot -> random.nextInt(3) == 0);
      return CausalContext.ofDots(some);
    }

    private void pass() {
      switch (random.nextInt(6)) {
        case 0 -> shard.passUnnoticed(Duration.ofMillis(random.nextInt(200)));
        case 1 -> shard.passAndSweep(Duration.ofMinutes(random.nextInt(1, 12)));
        default -> shard.pass(Duration.ofMillis(random.nextInt(1, 100)));
      }
    }

    private void compare() {
      long now = shard.nowMillis();
      List<String> live = new ArrayList<>();
      naive.forEach(
          (key, model) -> {
            View expected = model.view(now);
            assertEquals(expected, NaiveEntry.simplified(shard.get(key)), key);
            if (model.isLive(now)) {
              live.add(key);
              Kind kind = model.kind(now).orElseThrow();
              assertEquals(
                  expected,
                  NaiveEntry.simplified(
                      TestShard.viewOf(shard.read(key, new Read.Get(Optional.of(kind))))));
            }
          });
      Frame.Scanned page = shard.scan("k", Optional.empty(), 100, true);
      assertEquals(live, page.keys().stream().map(found -> found.key().text()).toList());
      for (Frame.ScannedKey found : page.keys()) {
        NaiveEntry model = naive.get(found.key().text());
        assertEquals(List.of(model.kind(now).orElseThrow()), found.kinds());
        assertEquals(model.view(now), NaiveEntry.simplified(found.view()));
      }
      compareWatches(now);
    }

    /// After a tick, a watcher knows what there is to see.
    private void compareWatches(long now) {
      shard.core().tick(now, shard);
      for (Reply told : shard.drain(TestShard.CLIENT)) {
        View view = NaiveEntry.simplified(TestShard.viewOf(told));
        watched.values().forEach(of -> of.replace(told.id(), view));
      }
      watched.forEach(
          (key, of) -> {
            NaiveEntry model = naive.getOrDefault(key, new NaiveEntry());
            of.values().forEach(view -> assertEquals(model.view(now), view, "watch of " + key));
          });
    }
  }
}
