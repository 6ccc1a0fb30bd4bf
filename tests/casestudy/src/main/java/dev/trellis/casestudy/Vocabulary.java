package dev.trellis.casestudy;

import dev.trellis.bench.Zipf;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.Set;
import java.util.random.RandomGenerator;

/// Made-up words, the more frequent ones first, some of which speak for or against a thing. The
/// same seed makes the same ones. Immutable.
final class Vocabulary {
  /// Words of the reviews on which others trained, and so the inputs of their model.
  ///
  /// @see "Hellerstein et al., Serverless Computing: One Step Forward, Two Steps Back, CIDR 2019,
  ///   §3.1"
  static final int PUBLISHED_SIZE = 6_787;

  /// Of the frequencies: that of words in most languages.
  private static final double THETA = 1;

  private static final String[] BEGINNINGS = {
    "b", "br", "c", "ch", "d", "dr", "f", "fl", "g", "gr", "h", "k", "l", "m", "n", "p", "pr", "r",
    "s", "sh", "st", "t", "tr", "v", "w"
  };
  private static final String[] MIDDLES = {"a", "e", "i", "o", "u", "ea", "ou", "y"};
  private static final String[] ENDS = {"", "", "", "n", "r", "l", "st"};
  private static final int SHORT_WORDS = 200; // of one syllable, as the frequent ones are
  private static final int MIDDLING_WORDS = 2_500; // of up to two
  private static final int NEUTRAL_WORDS = 30; // the most frequent, which say nothing
  private static final double POLAR_SHARE = 0.15;
  private static final double POLARITY_MIN = 0.5;

  private final List<String> words;
  private final float[] polarities;

  /// @param size how many words, 1 to 100,000
  Vocabulary(int size, long seed) {
    RandomGenerator random = new Random(seed);
    Set<String> drawn = new LinkedHashSet<>();
    while (drawn.size() < size) {
      drawn.add(word(syllables(drawn.size(), random), random));
    }
    words = List.copyOf(drawn);
    polarities = new float[size];
    for (int i = NEUTRAL_WORDS; i < size; i++) {
      if (random.nextDouble() < POLAR_SHARE) {
        double strength = POLARITY_MIN + random.nextDouble() * (1 - POLARITY_MIN);
        polarities[i] = (float) (random.nextBoolean() ? strength : -strength);
      }
    }
  }

  private static int syllables(int rank, RandomGenerator random) {
    if (rank < SHORT_WORDS) {
      return 1;
    }
    return rank < MIDDLING_WORDS ? 1 + random.nextInt(2) : 2 + random.nextInt(3);
  }

  private static String word(int syllables, RandomGenerator random) {
    StringBuilder word = new StringBuilder();
    for (int i = 0; i < syllables; i++) {
      word.append(BEGINNINGS[random.nextInt(BEGINNINGS.length)])
          .append(MIDDLES[random.nextInt(MIDDLES.length)]);
    }
    return word.append(ENDS[random.nextInt(ENDS.length)]).toString();
  }

  int size() {
    return words.size();
  }

  /// The word of a rank; 0 is the most frequent. Lower case letters.
  String word(int rank) {
    return words.get(rank);
  }

  /// From -1, against, to 1, for; 0 for most words.
  float polarity(int rank) {
    return polarities[rank];
  }

  /// Draws ranks of words, as often as they occur.
  Zipf frequencies(RandomGenerator random) {
    return new Zipf(THETA, random);
  }

  /// Writes words as people do, in sentences.
  String text(List<String> chosen, RandomGenerator random) {
    StringBuilder text = new StringBuilder();
    int left = 0;
    for (String word : chosen) {
      if (left == 0) {
        text.append(text.isEmpty() ? "" : ". ").append(Character.toUpperCase(word.charAt(0)));
        text.append(word, 1, word.length());
        left = 4 + random.nextInt(14);
      } else {
        text.append(random.nextInt(12) == 0 ? ", " : " ").append(word);
        left--;
      }
    }
    return text.append('.').toString();
  }

  /// The words of a text, in lower case: each run of letters is one.
  static List<String> wordsOf(String text) {
    List<String> found = new ArrayList<>();
    int begin = -1;
    for (int i = 0; i <= text.length(); i++) {
      boolean letter = i < text.length() && Character.isLetter(text.charAt(i));
      if (letter && begin < 0) {
        begin = i;
      } else if (!letter && begin >= 0) {
        found.add(text.substring(begin, i).toLowerCase(Locale.ROOT));
        begin = -1;
      }
    }
    return found;
  }
}
