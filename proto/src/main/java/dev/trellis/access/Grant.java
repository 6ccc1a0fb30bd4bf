package dev.trellis.access;

import dev.trellis.lattice.Payload;
import java.util.Set;

/// Roles on the keys that start with a prefix.
///
/// @param prefix empty for all keys but those of the system
public record Grant(Payload prefix, Set<Role> roles) {
  public Grant {
    roles = Set.copyOf(roles);
  }
}
