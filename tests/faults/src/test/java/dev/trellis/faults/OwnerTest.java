package dev.trellis.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import org.junit.jupiter.api.Test;

class OwnerTest {
  @Test
  void aNameTellsWhoMadeItAndWhetherThatOneLives() {
    Owner self = Owner.self();
    String name = self.newName();
    assertNotEquals(name, self.newName());
    assertEquals(Optional.of(self), Owner.of(name + "-node-1"));
    assertEquals(Optional.empty(), Owner.of("somebody-elses"));
    assertTrue(self.isAlive());
    // The id has passed to a later process.
    assertFalse(new Owner(self.pid(), self.startTicks() + 1).isAlive());
    assertFalse(new Owner(Integer.MAX_VALUE, 1).isAlive());
  }
}
