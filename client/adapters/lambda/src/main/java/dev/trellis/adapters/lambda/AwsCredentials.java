package dev.trellis.adapters.lambda;

import java.util.Optional;

/// Who calls AWS. Its text does not tell the secrets.
///
/// @param accessKeyId the public name of the key
/// @param secretAccessKey with which requests are signed
/// @param sessionToken of temporary credentials, as Lambda gives to functions
public record AwsCredentials(
    String accessKeyId, String secretAccessKey, Optional<String> sessionToken) {
  public AwsCredentials {
    if (accessKeyId.isBlank() || secretAccessKey.isBlank()) {
      throw new IllegalArgumentException("AWS credentials without a key id, or without a secret");
    }
  }

  /// Those that Lambda gives to a function: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and
  /// `AWS_SESSION_TOKEN` in the environment.
  ///
  /// @throws IllegalStateException if there are none
  static AwsCredentials ofEnvironment() {
    return new AwsCredentials(
        Variables.required("AWS_ACCESS_KEY_ID"),
        Variables.required("AWS_SECRET_ACCESS_KEY"),
        Variables.optional("AWS_SESSION_TOKEN"));
  }

  @Override
  public String toString() {
    return "AwsCredentials[" + accessKeyId + "]";
  }
}
