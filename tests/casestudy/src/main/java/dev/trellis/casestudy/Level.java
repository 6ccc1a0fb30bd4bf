package dev.trellis.casestudy;

import dev.trellis.client.Handles;
import dev.trellis.client.Trellis;
import dev.trellis.lattice.Payload;
import java.util.Locale;

/// What transactions are promised, from nothing upwards.
enum Level {
  /// Each call by itself, to whichever replica: nothing is promised.
  EVENTUAL(false) {
    @Override
    Host host(Trellis client) {
      return token -> new Eventual(client);
    }
  };

  private final boolean atomic;

  /// @param atomic whether transactions read what they wrote, and of others all or nothing
  Level(boolean atomic) {
    this.atomic = atomic;
  }

  /// A machine whose functions get at the store in this way.
  abstract Host host(Trellis client);

  /// Whether there must be no anomaly. Where there need not be none, there must be some: else the
  /// load shows nothing.
  boolean isAtomic() {
    return atomic;
  }

  /// As it is printed.
  String word() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  private record Eventual(Handles handles) implements Access {
    @Override
    public Payload token() {
      return Payload.EMPTY;
    }

    @Override
    public void commit() {
      // Each write was there for all to see at once.
    }
  }
}
