package dev.trellis.casestudy;

import dev.trellis.lattice.Payload;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;

/// A model that knows words which nobody should have to read, and takes them out of documents. In
/// the store it is its words, a line each. Immutable.
///
/// @see "Hellerstein et al., Serverless Computing: One Step Forward, Two Steps Back, CIDR 2019,
///   §3.1"
final class DirtyWords {
  private static final String INSTEAD = "#@*!";
  private static final int SPARED = 50; // the most frequent words, without which there is no text

  private final Set<String> words;

  private DirtyWords(Set<String> words) {
    this.words = Set.copyOf(words);
  }

  /// Takes some of the words of a vocabulary for dirty.
  ///
  /// @param count how many, fewer than there are
  static DirtyWords among(Vocabulary vocabulary, int count, long seed) {
    Random random = new Random(seed);
    Set<String> words = new HashSet<>();
    while (words.size() < count) {
      words.add(vocabulary.word(random.nextInt(SPARED, vocabulary.size())));
    }
    return new DirtyWords(words);
  }

  Payload encode() {
    return Payload.ofText(String.join("\n", new TreeSet<>(words)));
  }

  static DirtyWords decode(Payload encoded) {
    return new DirtyWords(Set.copyOf(encoded.text().lines().toList()));
  }

  /// The documents of a batch without what is dirty in them.
  ///
  /// @param batch as [Documents#encode] makes it
  /// @return a batch likewise
  Payload clean(Payload batch) {
    List<String> documents = Documents.decode(batch);
    return Documents.encode(documents.stream().map(this::clean).toList());
  }

  /// A text in which each letter of a dirty word, however it is written, is some other character.
  String clean(String text) {
    StringBuilder cleaned = new StringBuilder(text.length());
    int begin = 0;
    while (begin < text.length()) {
      boolean letters = Character.isLetter(text.charAt(begin));
      int end = begin + 1;
      while (end < text.length() && Character.isLetter(text.charAt(end)) == letters) {
        end++;
      }
      if (letters && words.contains(text.substring(begin, end).toLowerCase(Locale.ROOT))) {
        for (int i = begin; i < end; i++) {
          cleaned.append(INSTEAD.charAt((i - begin) % INSTEAD.length()));
        }
      } else {
        cleaned.append(text, begin, end);
      }
      begin = end;
    }
    return cleaned.toString();
  }
}
