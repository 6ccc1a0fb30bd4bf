package dev.trellis.casestudy;

import dev.trellis.lattice.Payload;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import java.util.random.RandomGenerator;

/// A neural network that tells from the words of a review how many stars it gives: two hidden
/// layers of ten rectified linear units each, and one linear output. Trained by Adam on the squared
/// error. On one thread, the same batches in the same order give the same model, to the bit.
///
/// @see "Hellerstein et al., Serverless Computing: One Step Forward, Two Steps Back, CIDR 2019,
///   §3.1"
/// @see "Kingma and Ba, Adam: A Method for Stochastic Optimization, ICLR 2015"
final class StarsModel {
  static final int HIDDEN = 10;
  static final double LEARNING_RATE = 0.001;
  private static final double DECAY_OF_MEAN = 0.9;
  private static final double DECAY_OF_SQUARE = 0.999;
  private static final float EPSILON = 1e-8f;

  /// What an output of 0 means: so that the first steps need not learn the mean.
  private static final float STARS_AT_ZERO = 3;

  private static final double FIRST_DEVIATION = 0.05; // of the weights of some dozens of words

  private final int words;
  // Where in the parameters the weights and biases of each layer begin. The first has the ten
  // weights of each word side by side.
  private final int bias1;
  private final int weights2; // of each unit the ten to the second layer, side by side
  private final int bias2;
  private final int weights3;
  private final int bias3;

  private final float[] parameters;
  private final float[] means; // of gradients, as Adam keeps them
  private final float[] squares; // likewise
  private int steps;

  private final float[] gradient;
  private final float[] hidden1 = new float[HIDDEN];
  private final float[] hidden2 = new float[HIDDEN];
  private final float[] error1 = new float[HIDDEN];

  private StarsModel(int words) {
    this.words = words;
    bias1 = words * HIDDEN;
    weights2 = bias1 + HIDDEN;
    bias2 = weights2 + HIDDEN * HIDDEN;
    weights3 = bias2 + HIDDEN;
    bias3 = weights3 + HIDDEN;
    int size = bias3 + 1;
    parameters = new float[size];
    means = new float[size];
    squares = new float[size];
    gradient = new float[size];
  }

  /// A model that has learnt nothing.
  ///
  /// @param words how many there are
  static StarsModel untrained(int words, long seed) {
    StarsModel model = new StarsModel(words);
    RandomGenerator random = new Random(seed);
    model.draw(0, model.bias1, FIRST_DEVIATION, random);
    model.draw(model.weights2, model.bias2, Math.sqrt(2.0 / HIDDEN), random);
    model.draw(model.weights3, model.bias3, Math.sqrt(1.0 / HIDDEN), random);
    return model;
  }

  private void draw(int from, int to, double deviation, RandomGenerator random) {
    for (int i = from; i < to; i++) {
      parameters[i] = (float) (random.nextGaussian() * deviation);
    }
  }

  int parameterCount() {
    return parameters.length;
  }

  /// Learns from one batch: one step against the mean gradient of all its reviews.
  ///
  /// @param batch from its position on, as [ReviewBatches] makes it
  /// @return the mean squared error before the step, in stars²
  double train(ByteBuffer batch) {
    Arrays.fill(gradient, 0);
    int count = batch.getInt();
    double sum = 0;
    for (int i = 0; i < count; i++) {
      int stars = batch.get();
      int different = batch.getShort();
      int at = batch.position();
      float error = forward(batch, at, different) - stars;
      sum += (double) error * error;
      backward(batch, at, different, 2 * error / count);
      batch.position(at + different * ReviewBatches.WORD_BYTES);
    }
    step();
    return sum / count;
  }

  /// How far it is off on a batch, from which it learns nothing.
  ///
  /// @return the mean squared error, in stars²
  double error(ByteBuffer batch) {
    int count = batch.getInt();
    double sum = 0;
    for (int i = 0; i < count; i++) {
      int stars = batch.get();
      int different = batch.getShort();
      int at = batch.position();
      double error = forward(batch, at, different) - stars;
      sum += error * error;
      batch.position(at + different * ReviewBatches.WORD_BYTES);
    }
    return sum / count;
  }

  /// How far whoever says the mean of a batch for each review is off: what a model that tells
  /// nothing from words can reach.
  ///
  /// @return the mean squared error, in stars²
  static double errorOfMean(ByteBuffer batch) {
    int count = batch.getInt();
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < count; i++) {
      int stars = batch.get();
      sum += stars;
      squares += (double) stars * stars;
      int different = batch.getShort();
      batch.position(batch.position() + different * ReviewBatches.WORD_BYTES);
    }
    double mean = sum / count;
    return squares / count - mean * mean;
  }

  /// The stars that it expects; leaves what the hidden units gave.
  private float forward(ByteBuffer batch, int at, int different) {
    System.arraycopy(parameters, bias1, hidden1, 0, HIDDEN);
    for (int i = 0, word = at; i < different; i++, word += ReviewBatches.WORD_BYTES) {
      int weights = batch.getShort(word) * HIDDEN;
      float times = batch.get(word + Short.BYTES);
      for (int unit = 0; unit < HIDDEN; unit++) {
        hidden1[unit] += times * parameters[weights + unit];
      }
    }
    System.arraycopy(parameters, bias2, hidden2, 0, HIDDEN);
    for (int from = 0; from < HIDDEN; from++) {
      hidden1[from] = Math.max(0, hidden1[from]);
      for (int unit = 0; unit < HIDDEN; unit++) {
        hidden2[unit] += hidden1[from] * parameters[weights2 + from * HIDDEN + unit];
      }
    }
    float output = parameters[bias3] + STARS_AT_ZERO;
    for (int unit = 0; unit < HIDDEN; unit++) {
      hidden2[unit] = Math.max(0, hidden2[unit]);
      output += hidden2[unit] * parameters[weights3 + unit];
    }
    return output;
  }

  /// Adds what one review, which was just [#forward], has to say to the gradient.
  ///
  /// @param slope of the error by the output
  private void backward(ByteBuffer batch, int at, int different, float slope) {
    Arrays.fill(error1, 0);
    gradient[bias3] += slope;
    for (int unit = 0; unit < HIDDEN; unit++) {
      gradient[weights3 + unit] += slope * hidden2[unit];
      float error2 = hidden2[unit] > 0 ? slope * parameters[weights3 + unit] : 0;
      gradient[bias2 + unit] += error2;
      for (int from = 0; from < HIDDEN; from++) {
        int weight = weights2 + from * HIDDEN + unit;
        gradient[weight] += error2 * hidden1[from];
        error1[from] += hidden1[from] > 0 ? error2 * parameters[weight] : 0;
      }
    }
    for (int unit = 0; unit < HIDDEN; unit++) {
      gradient[bias1 + unit] += error1[unit];
    }
    for (int i = 0, word = at; i < different; i++, word += ReviewBatches.WORD_BYTES) {
      int weights = batch.getShort(word) * HIDDEN;
      float times = batch.get(word + Short.BYTES);
      for (int unit = 0; unit < HIDDEN; unit++) {
        gradient[weights + unit] += times * error1[unit];
      }
    }
  }

  private void step() {
    steps++;
    // StrictMath, since Math.pow may differ in its last bit before and after it is compiled.
    double rate =
        LEARNING_RATE
            * Math.sqrt(1 - StrictMath.pow(DECAY_OF_SQUARE, steps))
            / (1 - StrictMath.pow(DECAY_OF_MEAN, steps));
    float step = (float) rate;
    float decay = (float) DECAY_OF_MEAN;
    float decayOfSquare = (float) DECAY_OF_SQUARE;
    for (int i = 0; i < parameters.length; i++) {
      float slope = gradient[i];
      means[i] = decay * means[i] + (1 - decay) * slope;
      squares[i] = decayOfSquare * squares[i] + (1 - decayOfSquare) * slope * slope;
      parameters[i] -= step * means[i] / ((float) Math.sqrt(squares[i]) + EPSILON);
    }
  }

  // ---- Between one function and the next ----

  /// All that is needed to go on: the number of words and of steps in four bytes each, and the
  /// parameters and what Adam keeps of each.
  Payload encode() {
    ByteBuffer bytes =
        ByteBuffer.allocate(2 * Integer.BYTES + 3 * parameters.length * Float.BYTES)
            .putInt(words)
            .putInt(steps);
    bytes.asFloatBuffer().put(parameters).put(means).put(squares);
    return Payload.of(bytes.rewind());
  }

  /// @throws IllegalArgumentException if that is no model
  static StarsModel decode(Payload encoded) {
    ByteBuffer bytes = encoded.asByteBuffer();
    StarsModel model = new StarsModel(bytes.getInt());
    model.steps = bytes.getInt();
    if (bytes.remaining() != 3 * model.parameters.length * Float.BYTES) {
      throw new IllegalArgumentException(
          "a model of " + model.words + " words has not " + bytes.remaining() + " B");
    }
    bytes.asFloatBuffer().get(model.parameters).get(model.means).get(model.squares);
    return model;
  }
}
