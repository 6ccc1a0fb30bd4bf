package dev.trellis.history.linear;

import dev.trellis.history.Call;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// A set that grows, empty at first. A state is one bit an element, since the states of a history
/// with many elements would not fit into memory as collections.
final class SetModel implements Model<BigInteger> {
  private record Add(int number) implements Step<BigInteger> {
    @Override
    public Optional<BigInteger> from(BigInteger state) {
      return Optional.of(state.setBit(number));
    }

    @Override
    public boolean isReadOnly() {
      return false;
    }
  }

  /// @param elements what was read; empty if nobody heard of it
  private record Read(Optional<BigInteger> elements) implements Step<BigInteger> {
    @Override
    public Optional<BigInteger> from(BigInteger state) {
      return elements.isEmpty() || elements.get().equals(state)
          ? Optional.of(state)
          : Optional.empty();
    }

    @Override
    public boolean isReadOnly() {
      return true;
    }

    /// Nothing that was added goes away.
    @Override
    public boolean isHopelessFrom(BigInteger state) {
      return elements.isPresent() && state.andNot(elements.get()).signum() != 0;
    }
  }

  private final Map<@Nullable Object, Integer> numbers = new HashMap<>();
  private final List<@Nullable Object> elements = new ArrayList<>();

  @Override
  public String name() {
    return "set";
  }

  @Override
  public BigInteger initial() {
    return BigInteger.ZERO;
  }

  @Override
  public Step<BigInteger> step(Call call) {
    String f = call.invoke().f().name();
    if (f.equals("add")) {
      return new Add(number(call.argument()));
    }
    if (f.equals("read")) {
      return new Read(call.isOk() ? Optional.of(elementsRead(call)) : Optional.empty());
    }
    throw Misfits.unknownFunction(call, name(), ":add and :read");
  }

  private BigInteger elementsRead(Call call) {
    Object result = call.result();
    if (!(result instanceof Set<?>) && !(result instanceof List<?>)) {
      throw Misfits.completion(call, "the value of a :read should be a set or a vector");
    }
    Collection<?> all = (Collection<?>) result;
    byte[] bits = new byte[(elements.size() + all.size()) / Byte.SIZE + 1];
    for (Object element : all) {
      int number = number(element);
      // Most significant byte first, as BigInteger takes them.
      bits[bits.length - 1 - number / Byte.SIZE] |= (byte) (1 << (number % Byte.SIZE));
    }
    return new BigInteger(1, bits);
  }

  private int number(@Nullable Object element) {
    return numbers.computeIfAbsent(
        element,
        added -> {
          elements.add(added);
          return elements.size() - 1;
        });
  }

  @Override
  public Set<@Nullable Object> toEdn(BigInteger state) {
    Set<@Nullable Object> all = new LinkedHashSet<>();
    for (int number = 0; number < elements.size(); number++) {
      if (state.testBit(number)) {
        all.add(elements.get(number));
      }
    }
    return all;
  }
}
