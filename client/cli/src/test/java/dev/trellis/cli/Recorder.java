package dev.trellis.cli;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/// Runs command lines in this JVM and keeps what they print.
final class Recorder {
  private final ByteArrayOutputStream output = new ByteArrayOutputStream();
  private final ByteArrayOutputStream error = new ByteArrayOutputStream();
  private final Map<String, String> environment = new HashMap<>();
  private byte[] input = new byte[0];

  Recorder withVariable(String name, String value) {
    environment.put(name, value);
    return this;
  }

  Recorder withInput(String text) {
    input = text.getBytes(StandardCharsets.UTF_8);
    return this;
  }

  Console console() {
    return new Console(
        new ByteArrayInputStream(input), output, error, false, false, false, environment);
  }

  int run(String... arguments) {
    output.reset();
    error.reset();
    return TrellisCli.execute(console(), arguments);
  }

  String output() {
    return output.toString(StandardCharsets.UTF_8);
  }

  String error() {
    return error.toString(StandardCharsets.UTF_8);
  }
}
