package dev.trellis.monitor.kubernetes;

import dev.trellis.monitor.scaler.NodeDrain.Standing;
import dev.trellis.monitor.scaler.Scaler.Progress;
import dev.trellis.wire.NodeDescriptor.Tier;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.apps.StatefulSetBuilder;
import io.fabric8.kubernetes.api.model.apps.StatefulSetOrdinals;
import io.fabric8.kubernetes.api.model.apps.StatefulSetStatus;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// All that is known of the scaling of a tier, as its StatefulSet has it: there is nothing to
/// remember anywhere else, so whoever scales it next goes on from here. Immutable; what is decided
/// is a pure function of it.
///
/// A StatefulSet that shrinks ends the pods of its highest ordinals, whoever they are. So these
/// nodes are told to leave first; which they are is noted before they are told, as `draining`; and
/// replicas are taken away, from the top, as they are out of the cluster. An order to leave can't
/// be taken back: if the tier is to grow again meanwhile, it shrinks to the end first. `draining`
/// stays until Kubernetes has seen the smaller number, for a number that grew again before that
/// would leave the pods of nodes that left running, and none of them would be a member.
///
/// @param name of the StatefulSet; those of its pods, and the ids of their nodes, are that, a
///   hyphen and the ordinal
/// @param first ordinal, usually 0
/// @param replicas pods there are to be
/// @param existing pods there are, as far as Kubernetes has seen `replicas`
/// @param ready pods that are ready
/// @param isSeen whether Kubernetes has seen `replicas`
/// @param epoch the highest of a monitor that has changed it; 0 for none
/// @param target number of nodes that was ordered last
/// @param draining number of nodes that stay, where others were told to leave
record TierState(
    String name,
    int first,
    int replicas,
    int existing,
    int ready,
    boolean isSeen,
    long epoch,
    OptionalInt target,
    OptionalInt draining) {
  static final String EPOCH = "trellis.dev/epoch";
  static final String TARGET = "trellis.dev/target";

  /// The lowest ordinal whose node was told to leave.
  static final String DRAINING = "trellis.dev/draining";

  /// @throws IllegalArgumentException if one of the annotations is not what this class writes
  static TierState of(StatefulSet set) {
    String name = set.getMetadata().getName();
    Map<String, String> annotations =
        Optional.ofNullable(set.getMetadata().getAnnotations()).orElse(Map.of());
    Optional<StatefulSetStatus> status = Optional.ofNullable(set.getStatus());
    int first =
        Optional.ofNullable(set.getSpec().getOrdinals())
            .map(StatefulSetOrdinals::getStart)
            .orElse(0);
    long seen = status.map(StatefulSetStatus::getObservedGeneration).orElse(0L);
    long generation = Optional.ofNullable(set.getMetadata().getGeneration()).orElse(0L);
    return new TierState(
        name,
        first,
        Optional.ofNullable(set.getSpec().getReplicas()).orElse(1),
        status.map(StatefulSetStatus::getReplicas).orElse(0),
        status.map(StatefulSetStatus::getReadyReplicas).orElse(0),
        status.isPresent() && seen >= generation,
        number(name, annotations, EPOCH).orElse(0L),
        counted(name, annotations, TARGET, 0),
        counted(name, annotations, DRAINING, first));
  }

  private static OptionalInt counted(
      String name, Map<String, String> annotations, String key, int from) {
    return number(name, annotations, key).stream()
        .mapToInt(number -> Math.toIntExact(number - from))
        .findFirst();
  }

  private static Optional<Long> number(String name, Map<String, String> annotations, String key) {
    String text = annotations.get(key);
    if (text == null) {
      return Optional.empty();
    }
    if (!text.matches("[0-9]{1,18}")) {
      throw new IllegalArgumentException(
          "annotation "
              + key
              + " of StatefulSet "
              + name
              + " is '"
              + text
              + "', which no monitor writes; remove it");
    }
    return Optional.of(Long.parseLong(text));
  }

  /// The nodes whose standing matters for [#next].
  Set<String> inQuestion(int wanted) {
    return ids(Math.min(staying(), wanted), replicas);
  }

  /// How many nodes were not told to leave.
  private int staying() {
    return Math.min(draining.orElse(replicas), replicas);
  }

  private Set<String> ids(int from, int to) {
    return IntStream.range(from, to)
        .mapToObj(this::id)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private String id(int index) {
    return name + "-" + (first + index);
  }

  /// What is to be written, on the way to a number of nodes.
  ///
  /// @param wanted at least 0
  /// @param standings of all that are [#inQuestion]
  TierState next(int wanted, long monitor, Map<String, Standing> standings) {
    int stay = Math.min(staying(), wanted);
    int size = replicas;
    while (size > stay && standings.get(id(size - 1)) == Standing.OUT) {
      size--;
    }
    if (size < replicas || stay < size) {
      return with(size, monitor, wanted, OptionalInt.of(stay));
    }
    boolean isShrinking = draining.isPresent() && !(isSeen && existing <= replicas);
    return isShrinking
        ? with(replicas, monitor, wanted, draining)
        : with(wanted, monitor, wanted, OptionalInt.empty());
  }

  private TierState with(int size, long monitor, int wanted, OptionalInt stay) {
    return new TierState(
        name,
        first,
        size,
        existing,
        ready,
        isSeen && size == replicas,
        monitor,
        OptionalInt.of(wanted),
        stay);
  }

  /// Of those that are to leave, the ones that do not yet.
  Set<String> toBeTold(Map<String, Standing> standings) {
    return ids(staying(), replicas).stream()
        .filter(id -> standings.get(id) == Standing.MEMBER)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  /// How far the tier is. While nodes leave, those of them that are ready count among the ready
  /// ones, so that fewer may seem to be starting than do.
  Progress progress(Tier tier) {
    int leaving = draining.isPresent() ? Math.max(replicas, existing) - staying() : 0;
    return new Progress(tier, staying(), Math.max(0, staying() - ready), leaving);
  }

  /// The StatefulSet with what this says; the rest, its version above all, as in `set`.
  StatefulSet writtenTo(StatefulSet set) {
    var metadata =
        new StatefulSetBuilder(set)
            .editMetadata()
            .addToAnnotations(EPOCH, Long.toString(epoch))
            .removeFromAnnotations(DRAINING);
    target.ifPresent(nodes -> metadata.addToAnnotations(TARGET, Integer.toString(nodes)));
    draining.ifPresent(stay -> metadata.addToAnnotations(DRAINING, Integer.toString(first + stay)));
    return metadata.endMetadata().editSpec().withReplicas(replicas).endSpec().build();
  }
}
