package dev.trellis.cli;

import dev.trellis.access.ApiKey;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.ClientTls;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// A cluster that is meant, and what is shown to it.
///
/// @param addresses of routers or nodes, at least one
/// @param authorities a file with those that sign for the cluster; empty where security is off
/// @param keyFile a file with an API key; empty to show none
record Target(List<String> addresses, Optional<Path> authorities, Optional<Path> keyFile) {
  private static final Set<PosixFilePermission> OF_OTHERS =
      EnumSet.of(
          PosixFilePermission.GROUP_READ,
          PosixFilePermission.GROUP_WRITE,
          PosixFilePermission.OTHERS_READ,
          PosixFilePermission.OTHERS_WRITE);

  Target {
    addresses = List.copyOf(addresses);
  }

  /// How a client reaches it. Warns on standard error of a key that others can read.
  ///
  /// @throws CommandFailure if a file cannot be used, or a key would be sent unencrypted
  ClientConfig config(Console console) {
    ClientConfig config =
        ClientConfig.of(addresses.toArray(String[]::new)).withAgent("trellis-cli");
    if (authorities.isEmpty()) {
      if (keyFile.isPresent()) {
        throw new CommandFailure(
            ExitCode.MISUSE,
            "an API key is shown over TLS only, so that nobody reads it along: give the file with"
                + " the cluster's authority too, with --ca or TRELLIS_CA");
      }
      return config;
    }
    if (!Files.isReadable(authorities.get())) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT,
          "cannot read "
              + authorities.get()
              + ", the certificates of the cluster's authority (--ca or TRELLIS_CA)");
    }
    ClientConfig encrypted = config.withTls(ClientTls.trusting(authorities.get()));
    return keyFile.isEmpty() ? encrypted : encrypted.withApiKey(key(console, keyFile.get()).text());
  }

  private static ApiKey key(Console console, Path file) {
    try {
      String text = Files.readString(file).strip();
      if (Files.getPosixFilePermissions(file).stream().anyMatch(OF_OTHERS::contains)) {
        console.errorLine(
            "warning: " + file + " has an API key that others can read; chmod 600 it");
      }
      return ApiKey.parse(text);
    } catch (IOException e) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT,
          "cannot read an API key from "
              + Failures.of(file, e)
              + " (--key-file or TRELLIS_API_KEY_FILE)",
          e);
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(
          ExitCode.MISUSE, file + " (--key-file or TRELLIS_API_KEY_FILE): " + e.getMessage(), e);
    }
  }
}
