package dev.trellis.client;

import dev.trellis.lattice.Payload;

/// Gives handles on values by name: of keys in a [Trellis] or a session, of fields in a
/// [MapHandle]. Making a handle sends nothing; a handle is immutable and may be kept and shared.
///
/// A name given as text stands for its UTF-8 bytes.
public interface Handles {
  /// Where the value of a name is.
  Place place(Payload name);

  /// `lww`: a register in which the last write wins.
  default RegisterHandle register(Payload name) {
    return new RegisterHandle(place(name));
  }

  /// `lww`: a register in which the last write wins.
  default RegisterHandle register(String name) {
    return register(Payload.ofText(name));
  }

  /// `counter`: a number to add to.
  default CounterHandle counter(Payload name) {
    return new CounterHandle(place(name));
  }

  /// `counter`: a number to add to.
  default CounterHandle counter(String name) {
    return counter(Payload.ofText(name));
  }

  /// `max`: a number that only rises.
  default MaxHandle max(Payload name) {
    return new MaxHandle(place(name));
  }

  /// `max`: a number that only rises.
  default MaxHandle max(String name) {
    return max(Payload.ofText(name));
  }

  /// `min`: a number that only falls.
  default MinHandle min(Payload name) {
    return new MinHandle(place(name));
  }

  /// `min`: a number that only falls.
  default MinHandle min(String name) {
    return min(Payload.ofText(name));
  }

  /// `flag`: false until enabled.
  default FlagHandle flag(Payload name) {
    return new FlagHandle(place(name));
  }

  /// `flag`: false until enabled.
  default FlagHandle flag(String name) {
    return flag(Payload.ofText(name));
  }

  /// `gset`: a set that only grows.
  default GrowSetHandle growSet(Payload name) {
    return new GrowSetHandle(place(name));
  }

  /// `gset`: a set that only grows.
  default GrowSetHandle growSet(String name) {
    return growSet(Payload.ofText(name));
  }

  /// `oset`: a set that only grows, made to be read in ranges.
  default OrderedSetHandle orderedSet(Payload name) {
    return new OrderedSetHandle(place(name));
  }

  /// `oset`: a set that only grows, made to be read in ranges.
  default OrderedSetHandle orderedSet(String name) {
    return orderedSet(Payload.ofText(name));
  }

  /// `orset`: a set to add to and remove from; of concurrent ones, the add wins.
  default SetHandle set(Payload name) {
    return new SetHandle(place(name));
  }

  /// `orset`: a set to add to and remove from; of concurrent ones, the add wins.
  default SetHandle set(String name) {
    return set(Payload.ofText(name));
  }

  /// `sortedset`: members ranked by score.
  default SortedSetHandle sortedSet(Payload name) {
    return new SortedSetHandle(place(name));
  }

  /// `sortedset`: members ranked by score.
  default SortedSetHandle sortedSet(String name) {
    return sortedSet(Payload.ofText(name));
  }

  /// `map`: fields, each of a kind of its own.
  default MapHandle map(Payload name) {
    return new MapHandle(place(name));
  }

  /// `map`: fields, each of a kind of its own.
  default MapHandle map(String name) {
    return map(Payload.ofText(name));
  }

  /// `causal`: a register that keeps concurrent values side by side.
  default CausalHandle causal(Payload name) {
    return new CausalHandle(place(name));
  }

  /// `causal`: a register that keeps concurrent values side by side.
  default CausalHandle causal(String name) {
    return causal(Payload.ofText(name));
  }

  /// `multicausal`: as `causal`, and each value names the versions of other keys it depends on.
  default MultiCausalHandle multiCausal(Payload name) {
    return new MultiCausalHandle(place(name));
  }

  /// `multicausal`: as `causal`, and each value names the versions of other keys it depends on.
  default MultiCausalHandle multiCausal(String name) {
    return multiCausal(Payload.ofText(name));
  }

  /// `priority`: keeps the value with the lowest priority.
  default PriorityHandle priority(Payload name) {
    return new PriorityHandle(place(name));
  }

  /// `priority`: keeps the value with the lowest priority.
  default PriorityHandle priority(String name) {
    return priority(Payload.ofText(name));
  }

  /// `log`: records in order of time.
  default LogHandle log(Payload name) {
    return new LogHandle(place(name));
  }

  /// `log`: records in order of time.
  default LogHandle log(String name) {
    return log(Payload.ofText(name));
  }
}
