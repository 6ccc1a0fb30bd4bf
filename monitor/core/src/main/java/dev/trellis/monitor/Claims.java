package dev.trellis.monitor;

import dev.trellis.wire.NodeDescriptor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Tells all nodes who leads, and hears who they think does.
final class Claims {
  private static final Logger LOG = LoggerFactory.getLogger(Claims.class);

  /// What nodes said.
  ///
  /// @param answers one of each that answered
  /// @param isRefused whether one knows of a higher epoch
  record Heard(List<NodeControl.Claimed> answers, boolean isRefused) {}

  private final NodeControl control;

  Claims(NodeControl control) {
    this.control = control;
  }

  /// Asks all at once, and waits for them.
  ///
  /// @param epoch to claim; 0 to ask only
  Heard ask(List<NodeDescriptor> nodes, long epoch) throws InterruptedException {
    List<Callable<NodeControl.Claimed>> questions = new ArrayList<>();
    for (NodeDescriptor node : nodes) {
      if (node.controlPort() != 0) {
        questions.add(() -> control.claim(node, epoch));
      }
    }
    List<NodeControl.Claimed> answers = new ArrayList<>();
    boolean isRefused = false;
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (Future<NodeControl.Claimed> answer : threads.invokeAll(questions)) {
        try {
          answers.add(answer.get());
        } catch (ExecutionException e) {
          isRefused |= e.getCause() instanceof NodeControl.RefusedException;
          if (!(e.getCause() instanceof IOException)) {
            throw new IllegalStateException("a claim fails", e.getCause());
          }
          LOG.debug("a node does not take the claim", e.getCause());
        }
      }
    }
    if (isRefused && answers.isEmpty()) {
      return new Heard(ask(nodes, 0).answers(), true);
    }
    return new Heard(answers, isRefused);
  }
}
