package dev.trellis.casestudy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Payload;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StarsModelTest {
  private static final int WORDS = 2_000;
  private static final int BATCHES = 30;
  private static final int BATCH_BYTES = 256 << 10;
  private static final int PASSES = 12;

  private static List<byte[]> batches(int count) {
    Vocabulary vocabulary = new Vocabulary(WORDS, 1);
    ReviewBatches source = new ReviewBatches(vocabulary, new Reviews(vocabulary, 2));
    List<byte[]> batches = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      batches.add(source.next(BATCH_BYTES));
    }
    return batches;
  }

  private static double pass(StarsModel model, List<byte[]> batches) {
    return batches.stream()
        .mapToDouble(batch -> model.train(ByteBuffer.wrap(batch)))
        .average()
        .orElseThrow();
  }

  @Test
  void theErrorFallsWhereItLearntAndOnReviewsThatItHasNotSeen() {
    List<byte[]> batches = batches(BATCHES + 1);
    byte[] heldOut = batches.removeLast();
    double ofMean = StarsModel.errorOfMean(ByteBuffer.wrap(heldOut));
    StarsModel model = StarsModel.untrained(WORDS, 3);
    double before = model.error(ByteBuffer.wrap(heldOut));
    double first = pass(model, batches);
    double last = first;
    for (int i = 1; i < PASSES; i++) {
      last = pass(model, batches);
    }
    double after = model.error(ByteBuffer.wrap(heldOut));
    String told =
        "loss %.3f, then %.3f; held out %.3f, then %.3f, of the mean %.3f"
            .formatted(first, last, before, after, ofMean);
    assertTrue(after < ofMean / 2, told);
    assertTrue(after < before / 2, told);
  }

  /// What is planted must be what is learnt: with the stars at random, nothing can be.
  @Test
  void ofStarsThatHaveNothingToDoWithTheWordsNothingIsLearnt() {
    List<byte[]> batches = batches(BATCHES + 1);
    for (byte[] batch : batches) {
      shuffleStars(batch);
    }
    byte[] heldOut = batches.removeLast();
    double ofMean = StarsModel.errorOfMean(ByteBuffer.wrap(heldOut));
    StarsModel model = StarsModel.untrained(WORDS, 3);
    for (int i = 0; i < PASSES; i++) {
      pass(model, batches);
    }
    double after = model.error(ByteBuffer.wrap(heldOut));
    assertTrue(after > ofMean * 0.95, after + " where the mean has " + ofMean);
  }

  private static void shuffleStars(byte[] batch) {
    ByteBuffer bytes = ByteBuffer.wrap(batch);
    Random random = new Random(4);
    int count = bytes.getInt();
    for (int i = 0; i < count; i++) {
      bytes.put((byte) (1 + random.nextInt(Reviews.STARS_MAX)));
      int different = bytes.getShort();
      bytes.position(bytes.position() + different * ReviewBatches.WORD_BYTES);
    }
  }

  /// Against differences: each layer's weights, by one step of Adam, which goes against the sign of
  /// the gradient.
  @Test
  void theFirstStepGoesDownhillInEachParameterThatMatters() {
    byte[] batch = batches(1).getFirst();
    StarsModel model = StarsModel.untrained(WORDS, 3);
    Payload before = model.encode();
    double error = model.train(ByteBuffer.wrap(batch));
    Payload after = model.encode();
    int parameters = model.parameterCount();
    int head = 2 * Integer.BYTES;
    List<Integer> some = new ArrayList<>();
    for (int i = 0; i < StarsModel.HIDDEN * 30; i++) {
      some.add(i); // of frequent words
    }
    for (int i = WORDS * StarsModel.HIDDEN; i < parameters; i++) {
      some.add(i); // all that comes after the words
    }
    int moved = 0;
    int downhill = 0;
    for (int i : some) {
      float was = before.asByteBuffer().getFloat(head + i * Float.BYTES);
      float is = after.asByteBuffer().getFloat(head + i * Float.BYTES);
      if (was != is) {
        moved++;
        ByteBuffer bytes = ByteBuffer.wrap(before.toBytes());
        bytes.putFloat(head + i * Float.BYTES, was + (is - was) * 0.5f);
        double then = StarsModel.decode(Payload.of(bytes)).error(ByteBuffer.wrap(batch));
        downhill += then < error ? 1 : 0;
      }
    }
    assertTrue(moved > some.size() / 2, moved + " of " + some.size() + " moved");
    assertTrue(downhill > moved * 0.97, downhill + " of " + moved + " went downhill");
  }

  @Test
  void aModelThatWasKeptGoesOnAsIfItHadNotBeen() {
    List<byte[]> batches = batches(4);
    StarsModel without = StarsModel.untrained(WORDS, 3);
    StarsModel kept = StarsModel.untrained(WORDS, 3);
    for (int i = 0; i < 3; i++) {
      pass(without, batches);
      pass(kept, batches);
      kept = StarsModel.decode(kept.encode());
    }
    assertEquals(without.encode(), kept.encode());
    assertNotEquals(StarsModel.untrained(WORDS, 3).encode(), kept.encode());
    assertThrows(
        IllegalArgumentException.class, () -> StarsModel.decode(Payload.of(new byte[100])));
  }

  @Test
  void theSameSeedsMakeTheSameReviews() {
    Vocabulary vocabulary = new Vocabulary(WORDS, 1);
    Reviews reviews = new Reviews(vocabulary, 2);
    Reviews again = new Reviews(new Vocabulary(WORDS, 1), 2);
    Reviews others = new Reviews(vocabulary, 3);
    Reviews.Review review = reviews.next();
    assertEquals(review, again.next());
    assertNotEquals(review, others.next());
    assertTrue(
        Vocabulary.wordsOf(review.text()).size() >= 20
            && review.text().endsWith(".")
            && Character.isUpperCase(review.text().charAt(0)),
        review.text());
  }
}
