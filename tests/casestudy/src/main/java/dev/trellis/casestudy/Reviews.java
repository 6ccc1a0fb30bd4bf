package dev.trellis.casestudy;

import dev.trellis.bench.Zipf;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.random.RandomGenerator;

/// Made-up reviews of products. Each has a mood, which makes words that speak for or against the
/// thing more or less likely, and decides, with some chance, how many stars it gives. So the stars
/// can be told from the words, but not exactly. The same seed makes the same ones. For one thread.
final class Reviews {
  static final int STARS_MAX = 5;
  private static final double STARS_MEAN = 3;
  private static final int WORDS_MIN = 20;
  private static final int WORDS_MAX = 140;
  private static final double POLAR_SHARE = 0.25;
  private static final double STARS_OF_MOOD = 2.2; // more or fewer than the mean
  private static final double STARS_OF_CHANCE = 0.5; // standard deviation

  private final Vocabulary vocabulary;
  private final RandomGenerator random;
  private final Zipf frequencies;

  Reviews(Vocabulary vocabulary, long seed) {
    this.vocabulary = vocabulary;
    this.random = new Random(seed);
    this.frequencies = vocabulary.frequencies(random);
  }

  /// What somebody wrote.
  ///
  /// @param stars 1 to [#STARS_MAX]
  record Review(String text, int stars) {}

  /// Makes one more.
  Review next() {
    double mood = random.nextDouble() * 2 - 1;
    int count = random.nextInt(WORDS_MIN, WORDS_MAX + 1);
    List<String> words = new ArrayList<>(count);
    while (words.size() < count) {
      words.add(vocabulary.word(random.nextDouble() < POLAR_SHARE ? polar(mood) : drawn()));
    }
    double stars = STARS_MEAN + mood * STARS_OF_MOOD + random.nextGaussian() * STARS_OF_CHANCE;
    return new Review(vocabulary.text(words, random), Math.clamp(Math.round(stars), 1, STARS_MAX));
  }

  private int drawn() {
    return (int) frequencies.draw(vocabulary.size());
  }

  /// A word that speaks for the thing or against it, rather as the mood has it.
  private int polar(double mood) {
    while (true) {
      int rank = drawn();
      float polarity = vocabulary.polarity(rank);
      if (polarity != 0 && random.nextDouble() * 2 < 1 + mood * polarity) {
        return rank;
      }
    }
  }
}
