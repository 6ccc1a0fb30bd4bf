package dev.trellis.casestudy;

import dev.trellis.lattice.Payload;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;

/// Trains the same model from several sources, pass by pass in turns, so that what else the machine
/// does meets all of them alike. Each pass is a function of its own, which begins with the model
/// that the one before has left. Whatever the source, the models must come out the same.
final class Training {
  private static final int WARM_UP_STEPS = 40; // until the model's code is compiled

  private final List<BatchSource> sources;
  private final int batches;
  private final int passes;
  private final byte[] heldOut;

  /// @param heldOut a batch from which nothing is learnt
  Training(List<BatchSource> sources, int batches, int passes, byte[] heldOut) {
    this.sources = List.copyOf(sources);
    this.batches = batches;
    this.passes = passes;
    this.heldOut = heldOut;
  }

  /// One step of a model.
  ///
  /// @param fetchNanos until the batch was there
  /// @param computeNanos until the model had learnt from it
  record Iteration(long fetchNanos, long computeNanos) {
    long nanos() {
      return fetchNanos + computeNanos;
    }
  }

  /// What became of one source.
  ///
  /// @param iterations of all passes, in turn
  /// @param losses mean squared error of each pass, as it went
  /// @param model as it was in the end
  record Outcome(String source, List<Iteration> iterations, List<Double> losses, Payload model) {
    Outcome {
      iterations = List.copyOf(iterations);
      losses = List.copyOf(losses);
    }
  }

  /// What became of all.
  ///
  /// @param heldOutBefore mean squared error of the untrained model on what it does not learn from
  /// @param heldOutMean likewise, of always saying the mean
  record Outcomes(
      List<Outcome> outcomes, double heldOutBefore, double heldOutAfter, double heldOutMean) {}

  /// A source that is trained from.
  private static final class Running {
    private final BatchSource source;
    private final List<Iteration> iterations = new ArrayList<>();
    private final List<Double> losses = new ArrayList<>();

    Running(BatchSource source) {
      this.source = source;
    }

    void pass(int batches) throws IOException {
      StarsModel model = StarsModel.decode(source.readModel());
      double sum = 0;
      for (int i = 0; i < batches; i++) {
        long began = System.nanoTime();
        ByteBuffer batch = source.batch(i);
        long fetched = System.nanoTime();
        sum += model.train(batch);
        iterations.add(new Iteration(fetched - began, System.nanoTime() - fetched));
      }
      losses.add(sum / batches);
      source.writeModel(model.encode());
    }

    Outcome outcome() throws IOException {
      return new Outcome(source.name(), iterations, losses, source.readModel());
    }
  }

  /// Carries it out.
  ///
  /// @param progress is told how many passes are done, of all sources together
  Outcomes run(StarsModel untrained, IntConsumer progress) throws IOException {
    warmUp(untrained.encode());
    List<Running> running = new ArrayList<>();
    for (BatchSource source : sources) {
      source.writeModel(untrained.encode());
      running.add(new Running(source));
    }
    for (int pass = 0; pass < passes; pass++) {
      for (int i = 0; i < running.size(); i++) {
        running.get((i + pass) % running.size()).pass(batches);
        progress.accept(pass * running.size() + i + 1);
      }
    }
    List<Outcome> outcomes = new ArrayList<>();
    for (Running each : running) {
      outcomes.add(each.outcome());
    }
    StarsModel trained = StarsModel.decode(outcomes.getFirst().model);
    return new Outcomes(
        outcomes,
        untrained.error(ByteBuffer.wrap(heldOut)),
        trained.error(ByteBuffer.wrap(heldOut)),
        StarsModel.errorOfMean(ByteBuffer.wrap(heldOut)));
  }

  /// On a model that nobody wants.
  private void warmUp(Payload untrained) {
    StarsModel model = StarsModel.decode(untrained);
    for (int i = 0; i < WARM_UP_STEPS; i++) {
      var _ = model.train(ByteBuffer.wrap(heldOut).asReadOnlyBuffer());
    }
  }
}
