package dev.trellis.casestudy;

import dev.trellis.bench.Zipf;
import dev.trellis.lattice.Payload;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/// Makes documents of made-up words, in sentences, with the frequencies of a language. The same
/// seed makes the same ones. For one thread.
final class Documents {
  private final Vocabulary vocabulary;
  private final Random random;
  private final Zipf frequencies;

  Documents(Vocabulary vocabulary, long seed) {
    this.vocabulary = vocabulary;
    this.random = new Random(seed);
    this.frequencies = vocabulary.frequencies(random);
  }

  /// Makes one more.
  String next(int words) {
    List<String> chosen = new ArrayList<>(words);
    for (int i = 0; i < words; i++) {
      chosen.add(vocabulary.word((int) frequencies.draw(vocabulary.size())));
    }
    return vocabulary.text(chosen, random);
  }

  /// Makes a batch.
  Payload batch(int documents, int words) {
    List<String> made = new ArrayList<>(documents);
    for (int i = 0; i < documents; i++) {
      made.add(next(words));
    }
    return encode(made);
  }

  /// A batch as it travels: how many there are in four bytes, and of each the length in four, and
  /// its UTF-8 bytes.
  static Payload encode(List<String> documents) {
    List<byte[]> texts =
        documents.stream().map(text -> text.getBytes(StandardCharsets.UTF_8)).toList();
    int length = texts.stream().mapToInt(text -> Integer.BYTES + text.length).sum();
    ByteBuffer bytes = ByteBuffer.allocate(Integer.BYTES + length).putInt(texts.size());
    texts.forEach(text -> bytes.putInt(text.length).put(text));
    return Payload.of(bytes.flip());
  }

  static List<String> decode(Payload batch) {
    ByteBuffer bytes = batch.asByteBuffer();
    int count = bytes.getInt();
    List<String> documents = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      byte[] text = new byte[bytes.getInt()];
      bytes.get(text);
      documents.add(new String(text, StandardCharsets.UTF_8));
    }
    return documents;
  }
}
