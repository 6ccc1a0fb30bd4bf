package dev.trellis.adapters.lambda;

import dev.trellis.client.Trellis;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;

/// Lets a client live through snapshots of the process (`org.crac`, Lambda SnapStart): its
/// connections are closed before, and after each restore it is another client, with an id and a
/// clock of its own, so that no two clones write under one name.
///
/// Whoever makes it must keep it: `org.crac` itself forgets it otherwise.
public final class Snapshots implements Resource {
  private final Trellis trellis;

  Snapshots(Trellis trellis) {
    this.trellis = trellis;
  }

  /// Registers a client.
  public static Snapshots of(Trellis trellis) {
    Snapshots snapshots = new Snapshots(trellis);
    Core.getGlobalContext().register(snapshots);
    return snapshots;
  }

  @Override
  public void beforeCheckpoint(Context<? extends Resource> context) {
    trellis.beforeCheckpoint();
  }

  @Override
  public void afterRestore(Context<? extends Resource> context) {
    trellis.afterRestore();
  }
}
