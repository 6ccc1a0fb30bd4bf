package dev.trellis.node.store;

import dev.trellis.lattice.Payload;
import java.util.Optional;

/// The disk beneath a [Store]: what is put gets there in batches, each as a whole or not at all, in
/// their order. Confined to the shard's thread but for what it calls.
public interface Disk {
  /// Is told of records that are not as they were written. They count as not there; the replica
  /// then lacks something that it had, and must get it from another one before it says that it has
  /// all.
  interface Corruption {
    /// A record can't be read.
    ///
    /// @param keyHash of its key
    void found(long keyHash);
  }

  /// Has `wake` called, by any thread, when [#settle] or [#obstacle] has something new to tell.
  void onProgress(Runnable wake);

  /// Has `told` know of records that were found broken while others were looked for; where one is
  /// looked for by its key, [BrokenRecordException] tells.
  void onCorruption(Corruption told);

  /// The number of the batch that the last change is part of.
  long batch();

  /// Ends the batch, if there is anything in it, and has it written.
  ///
  /// @return the number of the last batch that was ended
  long flush();

  /// Takes note of what is on disk by now.
  ///
  /// @return the number of the last batch that is; 0 for none
  long settle();

  /// Whether what was last put or removed of a key is on disk.
  boolean isWritten(Payload key);

  /// The bytes of memory that wait to be written, about.
  long waitingBytes();

  /// Why nothing is written at the moment, as where the disk is full; what waits is tried again.
  Optional<String> obstacle();

  /// Remembers something under a word, as part of the batch.
  void note(String word, Payload what);

  /// What was noted under a word last, be it in an earlier life.
  Optional<Payload> noted(String word);

  /// Counts anew what there is of the keys whose hashes begin with the highest `bits` bits of
  /// `hash`, and takes out for good what is broken; the [Store.Listener] is told. O(keys found).
  ///
  /// @param bits at most 14
  void mend(long hash, int bits);
}
