package dev.trellis.lattice;

/// The state of one lattice kind.
public sealed interface Value<V extends Value<V>> extends Lattice<V>
    permits LwwRegister,
        MaxRegister,
        MinRegister,
        Flag,
        Counter,
        GrowSet,
        ObservedRemoveSet,
        OrderedSet,
        SortedSet,
        LatticeMap,
        CausalRegister,
        MultiCausalRegister,
        PriorityRegister,
        Log,
        OpaqueValue {
  /// The number of the value's kind on the wire; see [Kind#number].
  int kindNumber();
}
