/// Histories: what each client asked and was told, in order, in the EDN form that Jepsen writes.
/// [dev.trellis.history.HistoryWriter] records them, [dev.trellis.history.HistoryReader] reads them
/// back, and [dev.trellis.history.History] pairs what was asked with what was told.
@NullMarked
package dev.trellis.history;

import org.jspecify.annotations.NullMarked;
