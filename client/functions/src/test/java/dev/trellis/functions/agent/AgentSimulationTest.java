package dev.trellis.functions.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// The protocol of agents under what may befall hosts and nodes, and broken ones, which must show.
class AgentSimulationTest {
  private static final int SEEDS = Integer.getInteger("agents.seeds", 100);

  /// Broken protocols show within so many.
  private static final int FLAWED_SEEDS = 30;

  @Test
  void everyMessageCountsOnceInStateAndMailWhateverHappensToHostsAndNodes() {
    Map<AgentSimulation.Hard, Integer> hard = new EnumMap<>(AgentSimulation.Hard.class);
    Long wanted = Long.getLong("seed");
    for (long seed = 0; seed < SEEDS; seed++) {
      long each = wanted == null ? seed : wanted;
      AgentSimulation day = new AgentSimulation(each, AgentSimulation.Flaw.NONE);
      assertEquals(List.of(), day.run(), () -> "-Dseed=" + each);
      day.hardCases().forEach((what, times) -> hard.merge(what, times, Integer::sum));
      if (wanted != null) {
        return;
      }
    }
    for (AgentSimulation.Hard what : AgentSimulation.Hard.values()) {
      assertTrue(hard.getOrDefault(what, 0) > 0, () -> what + " never happened: " + hard);
    }
  }

  @ParameterizedTest
  @EnumSource(names = "NONE", mode = EnumSource.Mode.EXCLUDE)
  void aBrokenProtocolShows(AgentSimulation.Flaw flaw) {
    int shown = 0;
    for (long seed = 0; seed < FLAWED_SEEDS && shown == 0; seed++) {
      shown += new AgentSimulation(seed, flaw).run().isEmpty() ? 0 : 1;
    }
    assertTrue(shown > 0, () -> flaw + " did not show in " + FLAWED_SEEDS + " seeds");
  }
}
