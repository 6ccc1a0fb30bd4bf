package dev.trellis.monitor.kubernetes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.monitor.scaler.NodeDrain.Standing;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.apps.StatefulSetBuilder;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class TierStateTest {
  private static StatefulSet set(int replicas, long generation, long observed, int existing) {
    return new StatefulSetBuilder()
        .withNewMetadata()
        .withName("m")
        .withGeneration(generation)
        .addToAnnotations(TierState.EPOCH, "7")
        .addToAnnotations(TierState.TARGET, "2")
        .addToAnnotations(TierState.DRAINING, "2")
        .endMetadata()
        .withNewSpec()
        .withReplicas(replicas)
        .endSpec()
        .withNewStatus()
        .withObservedGeneration(observed)
        .withReplicas(existing)
        .endStatus()
        .build();
  }

  @Test
  void aDrainIsOverOnlyWhenKubernetesHasSeenTheSmallerNumber() {
    TierState unseen = TierState.of(set(2, 5, 4, 2));
    assertFalse(unseen.isSeen());
    assertEquals(unseen.draining(), unseen.next(4, 7, Map.of()).draining());
    assertEquals(2, unseen.next(4, 7, Map.of()).replicas());
    TierState seen = TierState.of(set(2, 5, 5, 2));
    assertTrue(seen.isSeen());
    assertEquals(OptionalInt.empty(), seen.next(4, 7, Map.of()).draining());
    assertEquals(4, seen.next(4, 7, Map.of()).replicas());
  }

  @Test
  void whatIsWrittenIsReadAgainAndTheVersionIsKept() {
    StatefulSet set = set(4, 5, 5, 4);
    set.getMetadata().setResourceVersion("99");
    TierState state = TierState.of(set);
    assertEquals(state, TierState.of(state.writtenTo(set)));
    assertEquals("99", state.writtenTo(set).getMetadata().getResourceVersion());
    assertEquals(Set.of("m-2", "m-3"), state.inQuestion(3));
    assertEquals(Set.of("m-1", "m-2", "m-3"), state.inQuestion(1));
  }

  /// Orders change at random, nodes leave when they were told to, and what reads and writes may be
  /// anybody: never is a pod taken away whose node is not out, and in the end the tier is as large
  /// as it was ordered last, all of it members.
  @Test
  void whateverIsOrderedNoPodIsTakenAwayBeforeItsNodeIsOut() {
    long seed = Long.getLong("seed", System.nanoTime());
    Random random = new Random(seed);
    int shrunk = 0;
    int grownWhileDraining = 0;
    for (int run = 0; run < 200; run++) {
      StatefulSet set = set(3, 1, 1, 3);
      set.getMetadata().getAnnotations().remove(TierState.DRAINING);
      Map<String, Standing> nodes = new HashMap<>();
      int pods = 3;
      for (int node = 0; node < pods; node++) {
        nodes.put("m-" + node, Standing.MEMBER);
      }
      int wanted = 3;
      for (int step = 0; step < 200; step++) {
        if (step < 100 && random.nextInt(8) == 0) {
          wanted = random.nextInt(7);
        }
        TierState now = TierState.of(set);
        Map<String, Standing> standings = new HashMap<>();
        now.inQuestion(wanted)
            .forEach(id -> standings.put(id, nodes.getOrDefault(id, Standing.OUT)));
        TierState next = now.next(wanted, 7, standings);
        for (int node = next.replicas(); node < now.replicas(); node++) {
          shrunk++;
          assertEquals(Standing.OUT, nodes.getOrDefault("m-" + node, Standing.OUT), "seed " + seed);
        }
        grownWhileDraining += now.draining().isPresent() && wanted > now.replicas() ? 1 : 0;
        assertTrue(
            next.replicas() <= now.replicas() || now.draining().isEmpty() || now.isSeen(),
            "seed " + seed);
        set = next.writtenTo(set);
        if (next.replicas() != now.replicas()) {
          set.getMetadata().setGeneration(set.getMetadata().getGeneration() + 1);
        }
        next.toBeTold(standings).forEach(id -> nodes.put(id, Standing.LEAVING));
        // Some of what goes on by itself.
        nodes.replaceAll(
            (_, standing) ->
                standing == Standing.LEAVING && random.nextInt(3) == 0 ? Standing.OUT : standing);
        if (random.nextInt(3) == 0) {
          int replicas = set.getSpec().getReplicas();
          for (; pods > replicas; pods--) {
            nodes.remove("m-" + (pods - 1));
          }
          for (; pods < replicas; pods++) {
            nodes.put("m-" + pods, Standing.MEMBER);
          }
          set.getStatus().setReplicas(pods);
          set.getStatus().setObservedGeneration(set.getMetadata().getGeneration());
        }
      }
      assertEquals(wanted, set.getSpec().getReplicas(), "seed " + seed);
      for (int node = 0; node < Math.min(wanted, pods); node++) {
        assertEquals(Standing.MEMBER, nodes.get("m-" + node), "seed " + seed);
      }
    }
    assertTrue(shrunk > 0 && grownWhileDraining > 0, "a hard case never happened");
  }
}
