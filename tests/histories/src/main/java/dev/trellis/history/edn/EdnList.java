package dev.trellis.history.edn;

import java.util.AbstractList;
import java.util.Collection;
import java.util.RandomAccess;
import org.jspecify.annotations.Nullable;

/// An EDN list, `(1 2)`. It equals the vector `[1 2]`, which is any other [java.util.List], as in
/// EDN; only the writer tells them apart. Immutable.
public final class EdnList extends AbstractList<@Nullable Object> implements RandomAccess {
  private final @Nullable Object[] elements;

  public EdnList(Collection<? extends @Nullable Object> elements) {
    this.elements = elements.toArray();
  }

  @Override
  public @Nullable Object get(int index) {
    return elements[index];
  }

  @Override
  public int size() {
    return elements.length;
  }
}
