package dev.trellis.monitor.policy;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.NodeDescriptor.Tier;
import dev.trellis.wire.Placement;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/// What a policy wants done. Each is an absolute target, so that carrying it out twice does what
/// carrying it out once does.
public sealed interface Decision {
  Explanation explanation();

  /// Places a key, and others alike.
  ///
  /// @param others that are placed with it, each once
  /// @param count how many keys it is about: as many as are named, or more, where a model stands
  ///   for many
  /// @param from where it was when this was decided
  /// @param to where it is to be
  /// @param toDefault whether `to` is the default placement: what was decided before is withdrawn
  record Place(
      Payload key,
      List<Payload> others,
      long count,
      Move move,
      Placement from,
      Placement to,
      boolean toDefault,
      Explanation explanation)
      implements Decision {
    public Place {
      others = List.copyOf(others);
    }

    /// Without others that are named.
    public Place(
        Payload key,
        long count,
        Move move,
        Placement from,
        Placement to,
        boolean toDefault,
        Explanation explanation) {
      this(key, List.of(), count, move, from, to, toDefault, explanation);
    }

    /// All that are named.
    public List<Payload> keys() {
      return Stream.concat(Stream.of(key), others.stream()).toList();
    }
  }

  /// Changes the number of nodes of a tier.
  ///
  /// @param from how many it had when this was decided
  /// @param to how many it is to have
  /// @param leaving the nodes that are to leave, `from - to` of them; none if it grows
  record Resize(Tier tier, int from, int to, List<String> leaving, Explanation explanation)
      implements Decision {
    public Resize {
      leaving = List.copyOf(leaving);
    }
  }

  /// Why a key is placed anew.
  enum Move {
    /// More replicas share its load.
    REPLICATE,
    /// Fewer are enough.
    DEREPLICATE,
    /// From the SSD tier to memory, as it is used.
    PROMOTE,
    /// From memory to the SSD tier, as it is not.
    DEMOTE;

    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }
}
