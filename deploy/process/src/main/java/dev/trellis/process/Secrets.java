package dev.trellis.process;

import dev.trellis.access.KeyRecord;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The folder with what a process shows others, and knows others by, where `security = on`.
/// `bin/trellis security init` makes one for each process. Files that are read anew when they
/// change are those of certificates and keys: so all can be exchanged while everything runs.
///
/// | file | what |
/// |---|---|
/// | `ca.crt` | the certificates of the authorities that are believed, PEM; several while one replaces the other |
/// | `tls.crt`, `tls.key` | the process' certificate with those that lead to the authority, and its private key, PKCS #8; PEM |
/// | `curve.key` | the process' own CURVE key pair: two lines, `public KEY` and `secret KEY`, in Z85 |
/// | `curve-server.key` | that of all control planes of the cluster, in the same form; several pairs while one replaces the other, the one in use first |
/// | `curve.known` | the public CURVE keys of those who may speak to control planes: `KEY NAME` a line |
/// | `access.keys` | API keys of administrators, a line each, `ID` and [KeyRecord#text]; no secrets |
/// | `session.key` | with which tokens of sessions are signed: a line each of 16 to 1,024 bytes; several while one replaces the other, the one in use first |
public record Secrets(Path folder) {
  public static final String AUTHORITIES = "ca.crt";
  public static final String CERTIFICATE = "tls.crt";
  public static final String PRIVATE_KEY = "tls.key";
  public static final String CURVE_KEY = "curve.key";
  public static final String CURVE_SERVER_KEY = "curve-server.key";
  public static final String CURVE_KNOWN = "curve.known";
  public static final String ACCESS_KEYS = "access.keys";
  public static final String SESSION_KEY = "session.key";

  /// Reads the key, usually `secrets.folder`.
  ///
  /// @return empty where security is not on
  /// @throws ConfigurationException if security is on and there is no such folder, or it is not on
  ///   and there is one, whose owner would think that it is used
  public static Optional<Secrets> of(StrictConfig config, String key, Security security) {
    Optional<String> text = config.optionalText(key);
    if (security != Security.ON) {
      if (text.isPresent()) {
        throw config.wrong(key, "is of no use without security = on");
      }
      return Optional.empty();
    }
    if (text.isEmpty()) {
      throw new ConfigurationException(
          "security = on needs "
              + key
              + ", a folder with certificates and keys; bin/trellis security init makes one");
    }
    try {
      Secrets secrets = new Secrets(Path.of(text.get()));
      if (!Files.isDirectory(secrets.folder)) {
        throw config.wrong(key, "is no folder; bin/trellis security init makes one");
      }
      return Optional.of(secrets);
    } catch (InvalidPathException e) {
      throw config.wrong(key, "is no path: " + e.getReason());
    }
  }

  /// The path of one of the files.
  public Path file(String name) {
    return folder.resolve(name);
  }

  /// The lines of a file, without empty ones and comments, which start with `#`.
  ///
  /// @throws ConfigurationException if it cannot be read; the message has none of its content
  public List<String> lines(String name) {
    try {
      return Files.readAllLines(file(name)).stream()
          .map(String::strip)
          .filter(line -> !line.isEmpty() && !line.startsWith("#"))
          .toList();
    } catch (IOException e) {
      throw new ConfigurationException(
          "cannot read " + file(name) + ": " + e.getClass().getSimpleName(), e);
    }
  }

  /// The API keys of [#ACCESS_KEYS].
  ///
  /// @throws ConfigurationException if a line is none
  public List<KeyRecord> administrators() {
    List<KeyRecord> records = new ArrayList<>();
    for (String line : lines(ACCESS_KEYS)) {
      int space = line.indexOf(' ');
      try {
        records.add(
            KeyRecord.parse(line.substring(0, Math.max(space, 0)), line.substring(space + 1)));
      } catch (IllegalArgumentException e) {
        throw new ConfigurationException(
            "line "
                + (records.size() + 1)
                + " of "
                + file(ACCESS_KEYS)
                + " is no key: "
                + e.getMessage(),
            e);
      }
    }
    return records;
  }
}
