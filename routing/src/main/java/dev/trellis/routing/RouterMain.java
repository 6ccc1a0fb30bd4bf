package dev.trellis.routing;

import dev.trellis.process.ProcessMain;

/// The process of a router: `--config FILE`, or `--reference` to print every setting.
public final class RouterMain {
  private RouterMain() {}

  public static void main(String[] arguments) {
    ProcessMain.run(
        "router",
        RouterConfig.reference(),
        arguments,
        config -> TrellisRouter.start(RouterConfig.of(config)));
  }
}
