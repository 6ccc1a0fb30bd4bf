package dev.trellis.process;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigList;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigOriginFactory;
import com.typesafe.config.ConfigParseOptions;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigUtil;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueFactory;
import com.typesafe.config.ConfigValueType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// The settings of a process, read strictly: what is not known is refused, never ignored.
///
/// A process ships a *reference*: a HOCON text that documents every key and gives its default, or
/// `null` for none. That text is the only list of keys. A file may set some of them, and
/// environment variables override both: the variable of `clock.skew.max` is
/// `TRELLIS_CLOCK_SKEW_MAX`. Lists are written `a,b` there.
///
/// This class knows names and types; ranges are checked by the records made from it.
public final class StrictConfig {
  /// Variables that belong to the command line and not to a process, which leaves them alone.
  public static final Set<String> COMMAND_LINE_VARIABLES =
      Set.of(
          "TRELLIS_ADDRESS", "TRELLIS_API_KEY_FILE", "TRELLIS_BUILD", "TRELLIS_CA", "TRELLIS_HOME");

  private static final String VARIABLE_PREFIX = "TRELLIS_";

  /// Keys whose values are shown to nobody, be they right or wrong.
  private static final Pattern SECRET = Pattern.compile("(^|\\.)(session\\.key|secret)$");

  private final SortedMap<String, ConfigValue> settings; // every key of the reference

  private StrictConfig(SortedMap<String, ConfigValue> settings) {
    this.settings = settings;
  }

  /// Reads a file and the environment.
  ///
  /// @param reference every key with its default
  /// @param environment all variables of the process; those without `TRELLIS_` are left alone
  /// @throws ConfigurationException if the file is missing or malformed, or it or the environment
  ///   sets what the reference does not have
  public static StrictConfig read(String reference, Path file, Map<String, String> environment) {
    if (!Files.isRegularFile(file)) {
      throw new ConfigurationException("configuration file " + file + " does not exist");
    }
    if (!Files.isReadable(file)) {
      throw new ConfigurationException("configuration file " + file + " cannot be read");
    }
    return of(reference, parse(() -> ConfigFactory.parseFile(file.toFile())), environment);
  }

  /// Reads a text instead of a file.
  ///
  /// @throws ConfigurationException as [#read]
  public static StrictConfig ofText(
      String reference, String text, Map<String, String> environment) {
    ConfigParseOptions named = ConfigParseOptions.defaults().setOriginDescription("configuration");
    return of(reference, parse(() -> ConfigFactory.parseString(text, named)), environment);
  }

  private static StrictConfig of(String reference, Config given, Map<String, String> environment) {
    SortedMap<String, ConfigValue> settings = new TreeMap<>();
    collect(ConfigFactory.parseString(reference).root(), "", settings);
    override(given.root(), "", settings);
    override(environment, settings);
    return new StrictConfig(settings);
  }

  private static Config parse(Supplier<Config> source) {
    try {
      return source.get().resolve();
    } catch (ConfigException e) {
      throw new ConfigurationException(oneLine(e), e);
    }
  }

  private static String oneLine(ConfigException e) {
    return String.valueOf(e.getMessage()).replaceAll("\\s+", " ");
  }

  /// Flattens the reference to dotted keys.
  private static void collect(
      ConfigObject section, String prefix, Map<String, ConfigValue> settings) {
    section.forEach(
        (name, value) -> {
          String key = prefix + ConfigUtil.joinPath(name);
          if (value instanceof ConfigObject inner) {
            collect(inner, key + ".", settings);
          } else {
            settings.put(key, value);
          }
        });
  }

  private static void override(
      ConfigObject section, String prefix, SortedMap<String, ConfigValue> settings) {
    section.forEach(
        (name, value) -> {
          String key = prefix + ConfigUtil.joinPath(name);
          if (settings.containsKey(key)) {
            settings.put(key, value);
          } else if (value instanceof ConfigObject inner && !keysWithin(key, settings).isEmpty()) {
            override(inner, key + ".", settings);
          } else {
            throw new ConfigurationException(unknownKey(key, value, settings));
          }
        });
  }

  private static String unknownKey(
      String key, ConfigValue value, SortedMap<String, ConfigValue> settings) {
    if (value instanceof ConfigObject section && !section.isEmpty()) {
      Map.Entry<String, ConfigValue> first = section.entrySet().iterator().next();
      String inner = key + "." + ConfigUtil.joinPath(first.getKey());
      return unknownKey(inner, first.getValue(), settings);
    }
    String where = value.origin().description() + ": ";
    List<String> inside = keysWithin(key, settings);
    return inside.isEmpty()
        ? where
            + "unknown key '"
            + key
            + "'; the nearest known one is '"
            + NearestName.of(key, keysAndSections(settings))
            + "'"
        : where + "'" + key + "' is no key but a section, of " + String.join(", ", inside);
  }

  private static Set<String> keysAndSections(SortedMap<String, ConfigValue> settings) {
    Set<String> names = new TreeSet<>();
    for (String key : settings.keySet()) {
      for (int end = key.length(); end > 0; end = key.lastIndexOf('.', end - 1)) {
        names.add(key.substring(0, end));
      }
    }
    return names;
  }

  private static List<String> keysWithin(String section, SortedMap<String, ConfigValue> settings) {
    return settings.keySet().stream().filter(key -> key.startsWith(section + ".")).toList();
  }

  private static void override(
      Map<String, String> environment, SortedMap<String, ConfigValue> settings) {
    Map<String, String> keyOfVariable =
        settings.keySet().stream().collect(Collectors.toMap(StrictConfig::variable, key -> key));
    environment.forEach(
        (name, value) -> {
          if (!name.startsWith(VARIABLE_PREFIX) || COMMAND_LINE_VARIABLES.contains(name)) {
            return;
          }
          String key = keyOfVariable.get(name);
          if (key == null) {
            throw new ConfigurationException(
                "unknown environment variable "
                    + name
                    + "; the nearest known one is "
                    + NearestName.of(name, keyOfVariable.keySet()));
          }
          settings.put(
              key,
              ConfigValueFactory.fromAnyRef(value)
                  .withOrigin(ConfigOriginFactory.newSimple("environment variable " + name)));
        });
  }

  /// The environment variable that overrides a key.
  public static String variable(String key) {
    return VARIABLE_PREFIX + key.toUpperCase(Locale.ROOT).replaceAll("[^A-Z0-9]", "_");
  }

  /// A text. Numbers and truth values count as the text they are written as.
  ///
  /// @throws ConfigurationException if it is not set, or something else
  public String text(String key) {
    return optionalText(key)
        .orElseThrow(
            () ->
                new ConfigurationException(
                    key
                        + " is not set and has no default; set it in the configuration file or by "
                        + variable(key)));
  }

  /// A text that need not be there.
  ///
  /// @throws ConfigurationException if it is a list or a section
  public Optional<String> optionalText(String key) {
    ConfigValue value = value(key);
    return switch (value.valueType()) {
      case NULL -> Optional.empty();
      case STRING, NUMBER, BOOLEAN -> Optional.of(String.valueOf(value.unwrapped()));
      case LIST, OBJECT -> throw wrong(key, "must be a single value");
    };
  }

  /// A whole number.
  ///
  /// @throws ConfigurationException if it is not set, or something else
  public long whole(String key) {
    return convert(key, text(key), StrictConfig::parseWhole);
  }

  /// Whole numbers: a single one counts as a list of one.
  ///
  /// @throws ConfigurationException if it is not set, or something else
  public List<Long> wholes(String key) {
    return texts(key).stream().map(text -> convert(key, text, StrictConfig::parseWhole)).toList();
  }

  /// A whole number that fits an int, as all counts and ports do.
  ///
  /// @throws ConfigurationException if it is not set, or something else
  public int number(String key) {
    return fitting(key, whole(key));
  }

  /// Whole numbers that fit an int: a single one counts as a list of one.
  ///
  /// @throws ConfigurationException if it is not set, or something else
  public List<Integer> numbers(String key) {
    return wholes(key).stream().map(number -> fitting(key, number)).toList();
  }

  /// Texts: a single one is cut at its commas.
  ///
  /// @throws ConfigurationException if it is not set, or something else
  public List<String> texts(String key) {
    ConfigValue value = value(key);
    if (value.valueType() != ConfigValueType.LIST) {
      return Arrays.stream(text(key).split(",", -1)).map(String::strip).toList();
    }
    List<String> texts = new ArrayList<>();
    for (ConfigValue element : (ConfigList) value) {
      switch (element.valueType()) {
        case STRING, NUMBER, BOOLEAN -> texts.add(String.valueOf(element.unwrapped()));
        case NULL, LIST, OBJECT -> throw wrong(key, "must be a list of single values");
      }
    }
    return texts;
  }

  /// A duration, such as `10s`: see [Units].
  ///
  /// @throws ConfigurationException if it is not set, or something else
  public Duration duration(String key) {
    return convert(key, text(key), Units::duration);
  }

  /// A duration that may be shorter than a millisecond, such as `2500us`: see [Units].
  ///
  /// @throws ConfigurationException if it is not set, or something else
  public Duration latency(String key) {
    return convert(key, text(key), Units::latency);
  }

  /// A number that need not be whole, such as `0.75`.
  ///
  /// @throws ConfigurationException if it is not set, or something else
  public double decimal(String key) {
    return convert(key, text(key), StrictConfig::parseDecimal);
  }

  /// A number of bytes, such as `16MiB`: see [Units].
  ///
  /// @throws ConfigurationException if it is not set, or something else
  public long bytes(String key) {
    return convert(key, text(key), Units::bytes);
  }

  /// A number of bytes that fits an int, such as the length of a frame.
  ///
  /// @throws ConfigurationException if it is not set, or something else
  public int numberOfBytes(String key) {
    return fitting(key, bytes(key));
  }

  /// A number of bytes, or a share such as `60%` of `whole` bytes.
  ///
  /// @throws ConfigurationException if it is not set, or something else
  public long bytesOrShare(String key, long whole) {
    String text = text(key).strip();
    return text.endsWith("%")
        ? whole / 100 * convert(key, text.substring(0, text.length() - 1).strip(), this::percent)
        : bytes(key);
  }

  /// One of a few words.
  ///
  /// @throws ConfigurationException if it is none of them; the message lists them
  public Optional<String> word(String key, List<String> known) {
    Optional<String> text = optionalText(key);
    if (text.isPresent() && !known.contains(text.get())) {
      throw wrong(key, "must be one of " + String.join(", ", known));
    }
    return text;
  }

  /// The error of a value that has the right type and is wrong all the same, naming the key, the
  /// value and where it was written.
  ///
  /// @param problem what is wrong and what would be right, such as `must be one of on, off`
  public ConfigurationException wrong(String key, String problem) {
    ConfigValue value = value(key);
    return new ConfigurationException(
        key + " = " + render(key, value) + " (" + value.origin().description() + ") " + problem);
  }

  /// Every setting in effect, as one line for the log. Settings that are unset are left out, and
  /// what is secret is not shown.
  @Override
  public String toString() {
    return settings.entrySet().stream()
        .filter(setting -> setting.getValue().valueType() != ConfigValueType.NULL)
        .map(setting -> setting.getKey() + "=" + render(setting.getKey(), setting.getValue()))
        .collect(Collectors.joining(" "));
  }

  private ConfigValue value(String key) {
    ConfigValue value = settings.get(key);
    if (value == null) {
      throw new IllegalStateException("the reference has no key " + key);
    }
    return value;
  }

  /// Makes a record that checks itself but does not know that its values come from a configuration.
  ///
  /// @throws ConfigurationException in place of the record's `IllegalArgumentException`
  public static <T> T legal(Supplier<T> record) {
    try {
      return record.get();
    } catch (ConfigurationException e) {
      throw e;
    } catch (IllegalArgumentException e) {
      throw new ConfigurationException(String.valueOf(e.getMessage()), e);
    }
  }

  private int fitting(String key, long number) {
    if (number != (int) number) {
      throw wrong(key, "is out of all proportion");
    }
    return (int) number;
  }

  private <T> T convert(String key, String text, Function<String, T> conversion) {
    try {
      return conversion.apply(text);
    } catch (IllegalArgumentException e) {
      throw wrong(key, String.valueOf(e.getMessage()));
    }
  }

  private static long parseWhole(String text) {
    try {
      return Long.parseLong(text);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("must be a whole number", e);
    }
  }

  private static double parseDecimal(String text) {
    try {
      double number = Double.parseDouble(text);
      if (Double.isFinite(number)) {
        return number;
      }
    } catch (NumberFormatException _) {
      // as with what is no finite number
    }
    throw new IllegalArgumentException("must be a number");
  }

  private long percent(String text) {
    long percent = parseWhole(text);
    if (percent < 1 || percent > 100) {
      throw new IllegalArgumentException("must be between 1% and 100%");
    }
    return percent;
  }

  private static String render(String key, ConfigValue value) {
    return SECRET.matcher(key).find() ? "(secret)" : value.render(ConfigRenderOptions.concise());
  }
}
