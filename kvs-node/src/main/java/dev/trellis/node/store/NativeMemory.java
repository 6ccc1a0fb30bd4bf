package dev.trellis.node.store;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/// Memory from the system as it comes, with whatever it holds. What an [Arena] allocates by itself
/// is filled with zeros, and so touched all at once: a pause of a millisecond and more for half a
/// mebibyte where the system has to find the pages, and a wait for nothing, since records and pages
/// are written before they are read. This way each page is found when the first record gets there.
final class NativeMemory {
  private static final long LINE_BYTES = 64;
  private static final MethodHandle MALLOC =
      function("malloc", FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.JAVA_LONG));
  private static final MethodHandle FREE =
      function("free", FunctionDescriptor.ofVoid(ValueLayout.ADDRESS));

  private NativeMemory() {}

  @SuppressWarnings("restricted") // two functions of the C library, called as it says
  private static MethodHandle function(String name, FunctionDescriptor signature) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), signature);
  }

  /// Memory that is freed when `arena` is closed, and starts where a cache line does.
  ///
  /// @param bytes at least 1
  /// @throws OutOfMemoryError if the system has none
  @SuppressWarnings("restricted") // the size is the one that was asked for
  static MemorySegment allocate(Arena arena, long bytes) {
    MemorySegment memory;
    try {
      memory = (MemorySegment) MALLOC.invokeExact(bytes + LINE_BYTES);
    } catch (Throwable e) {
      throw new IllegalStateException("malloc cannot be called", e);
    }
    if (memory.equals(MemorySegment.NULL)) {
      throw new OutOfMemoryError("the system has no " + bytes + " bytes for entries");
    }
    long skipped = -memory.address() & (LINE_BYTES - 1);
    return memory
        .reinterpret(bytes + LINE_BYTES, arena, NativeMemory::free)
        .asSlice(skipped, bytes);
  }

  private static void free(MemorySegment memory) {
    try {
      FREE.invokeExact(memory);
    } catch (Throwable e) {
      throw new IllegalStateException("free cannot be called", e);
    }
  }
}
