package dev.trellis.node.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class AccessSamplerTest {
  @Test
  void aQuietShardMissesNothing() {
    AccessSampler sampler = new AccessSampler(16, 7);
    for (int period = 0; period < 5; period++) {
      for (int access = 0; access < 4_000; access++) {
        assertTrue(sampler.choosesNext());
        assertEquals(1, sampler.standsFor());
      }
      sampler.nextPeriod();
    }
  }

  @Test
  void aBusyOneLooksAtFewAndTheseStandForAll() {
    Seeds.forAll(
        20,
        random -> {
          AccessSampler sampler = new AccessSampler(16, random.nextLong());
          for (int period = 0; period < 3; period++) {
            long stoodFor = 0;
            int chosen = 0;
            for (int access = 0; access < 1_000_000; access++) {
              if (sampler.choosesNext()) {
                chosen++;
                stoodFor += sampler.standsFor();
              }
            }
            sampler.nextPeriod();
            assertEquals(1_000_000.0, (double) stoodFor, 20_000.0);
            assertTrue(chosen < 100_000, "chosen: " + chosen);
          }
        });
  }

  /// Of whatever comes every so many accesses its share is found.
  @Test
  void noPatternHidesFromIt() {
    Seeds.forAll(
        20,
        random -> {
          AccessSampler sampler = new AccessSampler(16, random.nextLong());
          int every = 2 + random.nextInt(40);
          long stoodFor = 0;
          int accesses = 2_000_000;
          for (int access = 0; access < accesses; access++) {
            if (sampler.choosesNext() && access % every == 0) {
              stoodFor += sampler.standsFor();
            }
          }
          double share = (double) stoodFor / accesses;
          assertEquals(1.0 / every, share, 0.15 / every);
        });
  }

  @Test
  void turnedOffItChoosesNone() {
    AccessSampler sampler = new AccessSampler(0, 7);
    for (int access = 0; access < 100_000; access++) {
      assertFalse(sampler.choosesNext());
    }
    sampler.nextPeriod();
    assertFalse(sampler.choosesNext());
  }
}
