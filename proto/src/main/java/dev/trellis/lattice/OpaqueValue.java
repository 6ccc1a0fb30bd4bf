package dev.trellis.lattice;

import java.util.Collection;
import java.util.List;
import java.util.stream.Stream;

/// A value of a kind that only a newer version knows: kept and passed on as it came. Its states are
/// merged by keeping all of them, which a version that knows the kind merges for real.
public final class OpaqueValue implements Value<OpaqueValue> {
  private final int kindNumber;
  private final PayloadSet states;

  private OpaqueValue(int kindNumber, PayloadSet states) {
    this.kindNumber = kindNumber;
    this.states = states;
  }

  /// A value of an unknown kind with these encoded states.
  ///
  /// @param kindNumber not the number of a known [Kind]
  /// @throws IllegalArgumentException if the kind is known
  public static OpaqueValue of(int kindNumber, Collection<Payload> states) {
    if (kindNumber < 1 || Kind.ofNumber(kindNumber).isPresent()) {
      throw new IllegalArgumentException("kind number " + kindNumber + " is not an unknown one");
    }
    return new OpaqueValue(kindNumber, PayloadSet.of(states));
  }

  /// The encoded states, in byte order.
  public List<Payload> states() {
    List<Payload> all = new java.util.ArrayList<>(states.size());
    states.ascending().forEach(all::add);
    return all;
  }

  @Override
  public OpaqueValue merge(OpaqueValue other) {
    if (kindNumber != other.kindNumber) {
      throw new IllegalArgumentException(
          "kinds " + kindNumber + " and " + other.kindNumber + " do not merge");
    }
    PayloadSet merged = states.merge(other.states);
    return merged == states ? this : new OpaqueValue(kindNumber, merged);
  }

  @Override
  public Stream<OpaqueValue> split(long weightMax) {
    return weight() <= weightMax
        ? Stream.of(this)
        : states.split(weightMax).map(part -> new OpaqueValue(kindNumber, part));
  }

  @Override
  public int kindNumber() {
    return kindNumber;
  }

  @Override
  public long weight() {
    return states.weight();
  }

  @Override
  public int parts() {
    return states.size();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof OpaqueValue value
        && kindNumber == value.kindNumber
        && states.equals(value.states);
  }

  @Override
  public int hashCode() {
    return 31 * kindNumber + states.hashCode();
  }

  @Override
  public String toString() {
    return "Opaque" + kindNumber + states;
  }
}
