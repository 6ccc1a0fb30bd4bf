package dev.trellis.node.membership;

/// One life of one node.
///
/// @param number random, fresh at each start of the process
public record Incarnation(String nodeId, long number) {}
