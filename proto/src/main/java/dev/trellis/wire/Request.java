package dev.trellis.wire;

import dev.trellis.lattice.Payload;

/// One operation on one key.
///
/// @param id chosen by the sender, unique among its unanswered requests of the connection; the
///   reply repeats it, and replies may come in any order
/// @param key 1 to [Limits#KEY_BYTES_MAX] bytes
public record Request(long id, Payload key, Operation operation, RequestContext context) {}
