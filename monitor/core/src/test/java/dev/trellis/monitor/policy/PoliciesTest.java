package dev.trellis.monitor.policy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.monitor.policy.Decision.Move;
import dev.trellis.monitor.policy.Decision.Place;
import dev.trellis.monitor.policy.Decision.Resize;
import dev.trellis.monitor.policy.PolicySettings.Counts;
import dev.trellis.wire.NodeDescriptor.Tier;
import dev.trellis.wire.Placement;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/// "Wu et al., VLDB 2019, §5.4, End-to-End Policy": who has the last word.
class PoliciesTest {
  private final Policies policies = new Policies();

  @Test
  void hotKeysComeBeforeNodesThatWouldNotServeThem() {
    Views views =
        new Views()
            .memory(4, 0.7, 0.4)
            .ssd(2, 0.1, 0.6)
            .key("hot", Placement.ofDefault(1), 50_000, 0);
    views.latency = Views.micros(9_000);
    Place place = Views.onlyPlace(views.decide(policies));
    assertEquals(Move.REPLICATE, place.move());
    // While that spreads, nodes wait; then they come.
    assertEquals(List.of(), views.pending(place, 2).decide(policies));
    views.taken.clear();
    Views spread =
        new Views()
            .memory(4, 0.7, 0.4)
            .ssd(2, 0.1, 0.6)
            .key("hot", place.to(), 50_000, 0)
            .done(place, 30);
    spread.latency = Views.micros(9_000);
    assertInstanceOf(Resize.class, spread.decide(policies).getFirst());
  }

  @Test
  void roomAndTheObjectiveTogetherGetTheGreaterNumber() {
    Views views = new Views().memory(10, 0.65, 0.65).ssd(2, 0.1, 0.6);
    views.latency = Views.micros(2_000);
    Resize resize = Views.onlyResize(views.decide(policies));
    assertEquals(15, resize.to()); // 14.4 for the bytes, 10.8 for the load
    assertEquals("storage", resize.explanation().policy());
  }

  @Test
  void nothingShrinksWhileAnythingElseIsToBeDone() {
    Views views =
        new Views()
            .memory(10, 0.05, 0.3)
            .ssd(3, 0.1, 0.6)
            .key("used", 1, new Placement(0, 2, 1), 0.1, 0, 1_000, 6);
    assertEquals(Move.PROMOTE, Views.onlyPlace(views.decide(policies)).move());
  }

  @Test
  void oneTierShrinksAtATime() {
    Views views = new Views().memory(10, 0.05, 0.3).ssd(10, 0.1, 0.3);
    assertEquals(1, views.decide(policies).size());
  }

  @Test
  void ifTheBudgetIsNotEnoughForBothDisksComeFirst() {
    Views views = new Views().memory(10, 0.1, 0.65).ssd(10, 0.1, 0.8);
    PolicySettings settings = Views.settings(Optional.of(16.0), new Counts(1, 1_000));
    Resize resize = Views.onlyResize(policies.decide(views.view(), settings));
    assertEquals(Tier.SSD, resize.tier());
  }

  @Test
  void whatWasDecidedIsNotDecidedAgainWhileItIsOnItsWay() {
    Views views = new Views().memory(10, 0.7, 0.65).ssd(2, 0.1, 0.6);
    views.latency = Views.micros(3_000);
    for (Decision decision : views.decide(policies)) {
      views.pending(decision, 1);
    }
    assertEquals(List.of(), views.decide(policies));
  }

  @Test
  void decisionsAreRememberedForAsLongAsTheyMatter() {
    assertTrue(Policies.memory(Views.SETTINGS).compareTo(Views.SETTINGS.shrinkAfter()) >= 0);
    assertTrue(Policies.memory(PolicySettings.PAPER).toMinutes() >= 20);
  }
}
