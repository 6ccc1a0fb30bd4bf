package dev.trellis.bench;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/// The constants of an enum as the words that people type: small letters.
abstract class Words<E extends Enum<E>> implements ITypeConverter<E> {
  private final Class<E> type;

  Words(Class<E> type) {
    this.type = type;
  }

  static String of(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }

  @Override
  public E convert(String word) {
    return Arrays.stream(type.getEnumConstants())
        .filter(constant -> of(constant).equals(word))
        .findFirst()
        .orElseThrow(
            () ->
                new TypeConversionException(
                    "'%s' is none of %s"
                        .formatted(
                            word,
                            Arrays.stream(type.getEnumConstants())
                                .map(Words::of)
                                .collect(Collectors.joining(", ")))));
  }

  /// How keys are drawn.
  static final class OfKeys extends Words<Keys> {
    OfKeys() {
      super(Keys.class);
    }
  }

  /// What is written and read.
  static final class OfTarget extends Words<Load.Target> {
    OfTarget() {
      super(Load.Target.class);
    }
  }

  /// The mixes that have a name.
  static final class OfWorkload extends Words<Workload> {
    OfWorkload() {
      super(Workload.class);
    }
  }
}
