package dev.trellis.casestudy;

import dev.trellis.casestudy.Reviews.Review;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;

/// Makes batches of reviews as a model takes them: of each review how often which word is in it,
/// and nothing of their order (a bag of words). For one thread.
///
/// A batch is the number of reviews in four bytes, and of each the stars in one, the number of
/// different words in two, and of each of these its rank in two and how often it is there in one.
final class ReviewBatches {
  static final int HEAD_BYTES = Integer.BYTES;
  static final int REVIEW_BYTES = 1 + Short.BYTES;
  static final int WORD_BYTES = Short.BYTES + 1;
  private static final int COUNT_MAX = Byte.MAX_VALUE;

  private final Map<String, Integer> ranks = new HashMap<>();
  private final Reviews reviews;
  private final byte[] counts;
  private final short[] seen; // ranks whose count is not 0

  ReviewBatches(Vocabulary vocabulary, Reviews reviews) {
    if (vocabulary.size() > Short.MAX_VALUE) {
      throw new IllegalArgumentException(
          vocabulary.size() + " words, but ranks have two bytes: " + Short.MAX_VALUE + " at most");
    }
    for (int i = 0; i < vocabulary.size(); i++) {
      ranks.put(vocabulary.word(i), i);
    }
    this.reviews = reviews;
    this.counts = new byte[vocabulary.size()];
    this.seen = new short[vocabulary.size()];
  }

  /// Makes the next batch.
  ///
  /// @param bytesMax it has as many reviews as go into so many bytes, at least one
  byte[] next(int bytesMax) {
    ByteBuffer batch = ByteBuffer.allocate(bytesMax);
    batch.position(HEAD_BYTES);
    int count = 0;
    while (append(reviews.next(), batch)) {
      count++;
    }
    if (count == 0) {
      throw new IllegalArgumentException("no review goes into " + bytesMax + " B");
    }
    batch.putInt(0, count).flip();
    byte[] bytes = new byte[batch.remaining()];
    batch.get(bytes);
    return bytes;
  }

  /// Whether there was room for it.
  private boolean append(Review review, ByteBuffer batch) {
    int different = 0;
    for (String word : Vocabulary.wordsOf(review.text())) {
      Integer rank = ranks.get(word);
      if (rank != null) {
        if (counts[rank] == 0) {
          seen[different++] = rank.shortValue();
        }
        if (counts[rank] < COUNT_MAX) {
          counts[rank]++;
        }
      }
    }
    boolean fits = batch.remaining() >= REVIEW_BYTES + different * WORD_BYTES;
    if (fits) {
      batch.put((byte) review.stars()).putShort((short) different);
    }
    for (int i = 0; i < different; i++) {
      if (fits) {
        batch.putShort(seen[i]).put(counts[seen[i]]);
      }
      counts[seen[i]] = 0;
    }
    return fits;
  }
}
