package dev.trellis.wire;

/// What a request asks of a key.
public sealed interface Operation permits Read, Mutation {}
