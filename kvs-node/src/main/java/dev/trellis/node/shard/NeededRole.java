package dev.trellis.node.shard;

import dev.trellis.access.Role;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Read;

/// What a caller must be allowed to do with a key to carry out an operation on it. Without
/// defaults: a new operation does not compile until somebody has thought about it here.
final class NeededRole {
  private NeededRole() {}

  static Role of(Operation operation) {
    return switch (operation) {
      case Read read -> of(read);
      case Mutation mutation -> of(mutation);
    };
  }

  private static Role of(Read read) {
    return switch (read) {
      case Read.Get _,
          Read.State _,
          Read.Contains _,
          Read.Size _,
          Read.Range _,
          Read.Scores _,
          Read.Since _,
          Read.Placed _,
          Read.Await _ ->
          Role.READ;
      case Read.Field field -> of(field.read());
    };
  }

  private static Role of(Mutation mutation) {
    return switch (mutation) {
      case Mutation.Put _,
          Mutation.Raise _,
          Mutation.Lower _,
          Mutation.Enable _,
          Mutation.Increment _,
          Mutation.Add _,
          Mutation.Remove _,
          Mutation.AddScored _,
          Mutation.RemoveMembers _,
          Mutation.PutCausal _,
          Mutation.PutMultiCausal _,
          Mutation.PutPriority _,
          Mutation.Append _,
          Mutation.Trim _,
          Mutation.Delete _,
          Mutation.Expire _ ->
          Role.WRITE;
      case Mutation.UpdateField update -> of(update.mutation());
      // The other keys that it names are written by requests of their own.
      case Mutation.Commit commit ->
          commit.mutations().stream().map(NeededRole::of).reduce(Role.WRITE, NeededRole::higher);
      // Entries as they stand can hold anything, also what swallows the writes of others.
      case Mutation.Place _, Mutation.Merge _ -> Role.ADMIN;
    };
  }

  private static Role higher(Role one, Role other) {
    return one.compareTo(other) >= 0 ? one : other;
  }
}
