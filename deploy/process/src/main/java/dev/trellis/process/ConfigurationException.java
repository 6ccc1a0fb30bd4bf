package dev.trellis.process;

/// A setting that cannot be. The message is one line for the operator: the key, the value, where it
/// was written, and what would be right.
public final class ConfigurationException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  public ConfigurationException(String message) {
    super(message);
  }

  public ConfigurationException(String message, Throwable cause) {
    super(message, cause);
  }
}
