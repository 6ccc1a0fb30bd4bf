package dev.trellis.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The CURVE keys by which a process and the control planes of its cluster know each other, of its
/// [Secrets]. Files that change are read anew, so that keys can be exchanged while everything runs.
/// For any thread.
///
/// Whoever only connects to control planes has [#SERVER_PUBLIC], a key a line, in the place of
/// [Secrets#CURVE_SERVER_KEY], and no [Secrets#CURVE_KNOWN].
public final class CurveKeys {
  /// The public halves of [Secrets#CURVE_SERVER_KEY].
  public static final String SERVER_PUBLIC = "curve-server.pub";

  private static final Logger LOG = LoggerFactory.getLogger(CurveKeys.class);
  private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
  private static final int CHARACTERS = 40; // of 32 bytes in Z85
  private static final int NAME_MAX = 128;
  private static final String DIGITS =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
  private static final List<String> FILES =
      List.of(Secrets.CURVE_KEY, Secrets.CURVE_SERVER_KEY, Secrets.CURVE_KNOWN, SERVER_PUBLIC);

  /// A key pair, in Z85.
  public record Pair(String publicKey, String secretKey) {
    public Pair {
      requireKey(publicKey);
      requireKey(secretKey);
    }

    /// Without the secret.
    @Override
    public String toString() {
      return "Pair[" + publicKey + "]";
    }
  }

  /// The keys as the files had them at one moment.
  ///
  /// @param own with which the process connects
  /// @param server of all control planes, the one in use first; empty for who only connects
  /// @param serverKeys the public halves of those, of which a control plane may have any
  /// @param known names by public key: who may connect
  public record Held(
      Pair own, List<Pair> server, List<String> serverKeys, Map<String, String> known) {
    public Held {
      server = List.copyOf(server);
      serverKeys = List.copyOf(serverKeys);
      known = Map.copyOf(known);
    }
  }

  private record Read(Held held, List<Optional<FileTime>> times) {}

  private final Secrets secrets;
  private volatile Read read; // replaced under the lock of this
  private volatile List<Optional<FileTime>> complainedOf = List.of();
  private volatile long lookedNanos = System.nanoTime();

  private CurveKeys(Secrets secrets, Read read) {
    this.secrets = secrets;
    this.read = read;
  }

  /// Reads the files.
  ///
  /// @throws ConfigurationException if they are not there, or not what they should be; the message
  ///   has nothing of their content
  public static CurveKeys of(Secrets secrets) {
    return new CurveKeys(secrets, read(secrets));
  }

  /// As [#of], and makes sure that it is a control plane's.
  ///
  /// @throws ConfigurationException also if there is no pair of a server, or nobody is known
  public static CurveKeys ofServer(Secrets secrets) {
    CurveKeys keys = of(secrets);
    if (keys.read.held.server.isEmpty()) {
      throw new ConfigurationException(
          "there is no "
              + secrets.file(Secrets.CURVE_SERVER_KEY)
              + ", which a control plane needs; bin/trellis security init makes one");
    }
    if (keys.read.held.known.isEmpty()) {
      throw new ConfigurationException(
          secrets.file(Secrets.CURVE_KNOWN)
              + " has nobody who may connect to the control plane, or is not there");
    }
    return keys;
  }

  /// Where they are.
  public Path folder() {
    return secrets.folder();
  }

  /// The keys, of now or at most half a second ago. What is made of the same files is the same
  /// object.
  public Held held() {
    long now = System.nanoTime();
    if (now - lookedNanos > LOOK_NANOS) {
      lookedNanos = now;
      refresh();
    }
    return read.held;
  }

  /// Whether the files have not changed since they were read.
  public boolean isUpToDate() {
    return times(secrets).equals(read.times);
  }

  private synchronized void refresh() {
    List<Optional<FileTime>> times = times(secrets);
    if (times.equals(read.times) || times.equals(complainedOf)) {
      return;
    }
    try {
      boolean serves = !read.held.server.isEmpty();
      Read next = read(secrets);
      if (serves && (next.held.server.isEmpty() || next.held.known.isEmpty())) {
        throw new ConfigurationException(
            Secrets.CURVE_SERVER_KEY + " or " + Secrets.CURVE_KNOWN + " is gone");
      }
      read = next;
      complainedOf = List.of();
      LOG.info("CURVE keys were read anew from {}", secrets.folder());
    } catch (ConfigurationException e) {
      // Perhaps half of the files are there yet: what was good is used until all of it is again.
      complainedOf = times;
      LOG.warn("CURVE keys stay as they are: {}", e.getMessage());
    }
  }

  private static Read read(Secrets secrets) {
    List<Optional<FileTime>> times = times(secrets); // first: what changes meanwhile is read again
    List<Pair> own = pairs(secrets, Secrets.CURVE_KEY);
    if (own.size() != 1) {
      throw wrong(secrets, Secrets.CURVE_KEY, "must have one pair, not " + own.size());
    }
    List<Pair> server = List.of();
    List<String> serverKeys;
    if (Files.exists(secrets.file(Secrets.CURVE_SERVER_KEY))) {
      server = pairs(secrets, Secrets.CURVE_SERVER_KEY);
      serverKeys = server.stream().map(Pair::publicKey).toList();
    } else {
      serverKeys = keys(secrets, SERVER_PUBLIC);
    }
    if (serverKeys.isEmpty()) {
      throw wrong(secrets, Secrets.CURVE_SERVER_KEY, "has no key");
    }
    Map<String, String> known =
        Files.exists(secrets.file(Secrets.CURVE_KNOWN)) ? known(secrets) : Map.of();
    return new Read(new Held(own.getFirst(), server, serverKeys, known), times);
  }

  private static List<Optional<FileTime>> times(Secrets secrets) {
    List<Optional<FileTime>> times = new ArrayList<>();
    for (String name : FILES) {
      Optional<FileTime> time = Optional.empty();
      try {
        time = Optional.of(Files.getLastModifiedTime(secrets.file(name)));
      } catch (IOException e) {
        LOG.trace("{} is not there", name, e);
      }
      times.add(time);
    }
    return times;
  }

  // What is in the files.

  private static List<Pair> pairs(Secrets secrets, String name) {
    List<Pair> pairs = new ArrayList<>();
    List<String> lines = lines(secrets, name);
    if (lines.size() % 2 != 0) {
      throw wrong(secrets, name, "must have two lines for each pair, public KEY and secret KEY");
    }
    for (int at = 0; at < lines.size(); at += 2) {
      pairs.add(
          new Pair(
              key(secrets, name, lines.get(at), "public"),
              key(secrets, name, lines.get(at + 1), "secret")));
    }
    return pairs;
  }

  private static String key(Secrets secrets, String name, String line, String word) {
    String key = line.startsWith(word + " ") ? line.substring(word.length()).strip() : "";
    if (!isKey(key)) {
      throw wrong(
          secrets,
          name,
          "must have lines '" + word + " KEY' with a key of " + CHARACTERS + " characters of Z85");
    }
    return key;
  }

  private static List<String> keys(Secrets secrets, String name) {
    List<String> keys = new ArrayList<>();
    for (String line : lines(secrets, name)) {
      String key = line.startsWith("public ") ? line.substring("public".length()).strip() : line;
      if (!isKey(key)) {
        throw wrong(
            secrets, name, "must have a key of " + CHARACTERS + " characters of Z85 a line");
      }
      keys.add(key);
    }
    return keys;
  }

  private static Map<String, String> known(Secrets secrets) {
    Map<String, String> known = new LinkedHashMap<>();
    int number = 0;
    for (String line : lines(secrets, Secrets.CURVE_KNOWN)) {
      number++;
      String[] words = line.split("\\s+", -1);
      if (words.length != 2 || !isKey(words[0]) || !isName(words[1])) {
        throw wrong(
            secrets,
            Secrets.CURVE_KNOWN,
            "must have lines 'KEY NAME', which entry " + number + " is not");
      }
      if (known.put(words[0], words[1]) != null) {
        throw wrong(secrets, Secrets.CURVE_KNOWN, "has the key of entry " + number + " twice");
      }
    }
    return known;
  }

  /// Unlike those of other files, lines may start with a key, and that with a `#`: one in 85 does.
  private static List<String> lines(Secrets secrets, String name) {
    Path file = secrets.file(name);
    try {
      return Files.readAllLines(file).stream()
          .map(String::strip)
          .filter(line -> !line.isEmpty() && !isComment(line))
          .toList();
    } catch (IOException e) {
      throw new ConfigurationException(
          "cannot read " + file + ": " + e.getClass().getSimpleName(), e);
    }
  }

  private static boolean isComment(String line) {
    return line.startsWith("#") && !isKey(line.split("\\s", 2)[0]);
  }

  private static boolean isKey(String text) {
    return text.length() == CHARACTERS && text.chars().allMatch(one -> DIGITS.indexOf(one) >= 0);
  }

  private static boolean isName(String text) {
    return text.length() <= NAME_MAX && text.matches("[A-Za-z0-9][A-Za-z0-9._/-]*");
  }

  private static void requireKey(String text) {
    if (!isKey(text)) {
      throw new IllegalArgumentException("a CURVE key has " + CHARACTERS + " characters of Z85");
    }
  }

  private static ConfigurationException wrong(Secrets secrets, String name, String problem) {
    return new ConfigurationException(secrets.file(name) + " " + problem);
  }
}
