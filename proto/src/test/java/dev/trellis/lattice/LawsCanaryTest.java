package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/// Runs after all other tests of the module, and must fail if it runs alone: a suite that ran
/// nothing, or in which a kind was forgotten, looks just like one that passed.
@Order(Integer.MAX_VALUE)
class LawsCanaryTest {
  @Test
  void everyKindWasHeldToTheLaws() {
    List<Class<?>> kinds = new ArrayList<>(List.of(Value.class.getPermittedSubclasses()));
    kinds.add(Entry.class);
    int expected = Long.getLong("seed") == null ? LatticeLaws.CASES : 1;
    for (Class<?> kind : kinds) {
      long checked = Laws.CHECKED.getOrDefault(kind, new LongAdder()).sum();
      assertTrue(
          checked >= expected,
          "only " + checked + " states of " + kind.getSimpleName() + " were held to the laws");
    }
  }
}
