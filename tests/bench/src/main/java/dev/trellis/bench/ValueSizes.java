package dev.trellis.bench;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/// Sizes of values in bytes, each from `least` to `most` equally often.
record ValueSizes(int least, int most) {
  static final int BYTES_MAX = 16 << 20;

  private static final Pattern FORM = Pattern.compile("(\\d{1,9})(?:-(\\d{1,9}))?");

  ValueSizes {
    if (least < 0 || most < least || most > BYTES_MAX) {
      throw new IllegalArgumentException(
          "sizes from %d to %d are not an ascending range within 0 to %d"
              .formatted(least, most, BYTES_MAX));
    }
  }

  static ValueSizes of(int bytes) {
    return new ValueSizes(bytes, bytes);
  }

  /// As it is typed.
  @Override
  public String toString() {
    return least == most ? Integer.toString(least) : least + "-" + most;
  }

  /// Reads `64` or `64-1024`.
  static final class Converter implements ITypeConverter<ValueSizes> {
    @Override
    public ValueSizes convert(String text) {
      Matcher form = FORM.matcher(text);
      if (!form.matches()) {
        throw new TypeConversionException(
            "'" + text + "' is no size: write bytes, or a range of them, such as 64 or 64-1024");
      }
      int least = Integer.parseInt(form.group(1));
      try {
        return new ValueSizes(
            least, form.group(2) == null ? least : Integer.parseInt(form.group(2)));
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException("'" + text + "': " + e.getMessage());
      }
    }
  }
}
