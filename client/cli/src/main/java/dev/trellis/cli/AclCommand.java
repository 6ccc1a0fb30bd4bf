package dev.trellis.cli;

import dev.trellis.access.AccessList;
import dev.trellis.access.Allowance;
import dev.trellis.access.ApiKey;
import dev.trellis.access.Caller;
import dev.trellis.access.Grant;
import dev.trellis.access.KeyRecord;
import dev.trellis.access.Role;
import dev.trellis.client.CallOptions;
import dev.trellis.client.MapHandle;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.View;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `acl`: says who may do what. The list of principals is a value of the cluster, so the commands
/// are writes like others; they work without security too, and so prepare a cluster for it.
@Command(
    name = "acl",
    description = "Say who may do what: list, create, grant, ungrant, revoke, limit.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis acl create shop --out shop.key    an API key for the principal 'shop'",
      "  trellis acl grant shop shop/ read,write   what it may do, by the prefix of keys",
      "  trellis acl limit shop --operations 500   a second, at each node",
      "  trellis acl revoke 0123456789abcdef       ends a key at once, and for ever",
      "  trellis acl list"
    },
    subcommands = {
      AclCommand.ListCommand.class,
      AclCommand.CreateCommand.class,
      AclCommand.KeysCommand.class,
      AclCommand.GrantCommand.class,
      AclCommand.UngrantCommand.class,
      AclCommand.RevokeCommand.class,
      AclCommand.RevokeCertificateCommand.class,
      AclCommand.LimitCommand.class
    })
final class AclCommand extends CommandGroup {
  private static final Pattern KEY_ID = Pattern.compile("[0-9a-f]{16}");
  private static final Pattern SERIAL = Pattern.compile("[0-9a-fA-F]{1,40}");

  /// What the commands of this group have in common.
  abstract static class OfAccess extends StoreCommand {
    /// The list as the cluster keeps it: that of its own files is not in it.
    final AccessList read() {
      Map<String, String> registers = new TreeMap<>();
      Set<String> flags = new TreeSet<>();
      map(connection().callOptions())
          .fields()
          .forEach(
              (name, field) -> {
                if (field.view() instanceof View.Bytes bytes && bytes.value().isText()) {
                  registers.put(name.text(), bytes.value().text());
                } else if (field.view() instanceof View.Truth truth && truth.value()) {
                  flags.add(name.text());
                }
              });
      return AccessList.of(registers, flags);
    }

    final MapHandle map(CallOptions options) {
      return connection().connect().map(AccessList.KEY).withOptions(options);
    }

    /// Tells people a line, or programs an object.
    final void tell(String line, Map<String, @Nullable Object> json) {
      console().printLine(json() ? Json.write(json) : line);
    }

    static Map<String, @Nullable Object> described(AccessList list, KeyRecord key) {
      Map<String, @Nullable Object> object = new LinkedHashMap<>();
      object.put("id", key.id());
      object.put("principal", key.principal());
      object.put("created", Instant.ofEpochMilli(key.createdMillis()).toString());
      object.put(
          "expires",
          key.expiresMillis() == 0 ? null : Instant.ofEpochMilli(key.expiresMillis()).toString());
      object.put("revoked", list.isRevoked(key.id()));
      return object;
    }

    final String line(AccessList list, KeyRecord key) {
      boolean isOver =
          key.expiresMillis() != 0 && key.expiresMillis() <= System.currentTimeMillis();
      return "  key "
          + key.id()
          + (key.expiresMillis() == 0
              ? ""
              : (isOver ? ", expired " : ", expires ") + Instant.ofEpochMilli(key.expiresMillis()))
          + (list.isRevoked(key.id()) ? ", revoked" : "");
    }
  }

  /// One that changes what is kept of a principal.
  abstract static class OfPrincipal extends OfAccess {
    @Mixin private final WriteOptions write = new WriteOptions();

    @Parameters(index = "0", paramLabel = "PRINCIPAL", description = "The name of who it is.")
    private String principal = "";

    final String principal() {
      return Caller.requireFree(principal);
    }

    final void put(String field, String text) {
      map(write.applyTo(connection().callOptions())).register(field).putText(text);
    }
  }

  @Command(
      name = "list",
      description = {
        "Print principals with what they may do, their limits and their keys.",
        "Keys of administrators that stand in files of the nodes are not in it."
      })
  static final class ListCommand extends OfAccess {
    @Override
    int run() {
      AccessList list = read();
      Set<String> principals = new TreeSet<>(list.grants().keySet());
      principals.addAll(list.allowances().keySet());
      list.keys().forEach(key -> principals.add(key.principal()));
      for (String principal : principals) {
        tell(list, principal);
      }
      list.unreadable()
          .forEach(
              field ->
                  console()
                      .errorLine("field '" + field + "' cannot be read and gives nobody anything"));
      if (principals.isEmpty() && !json()) {
        console().errorLine("no principal is known; 'trellis acl create NAME' makes one");
      }
      return ExitCode.OK;
    }

    private void tell(AccessList list, String principal) {
      List<Grant> grants =
          list.grants().getOrDefault(principal, List.of()).stream()
              .filter(grant -> !grant.roles().isEmpty())
              .sorted(Comparator.comparing(Grant::prefix))
              .toList();
      List<KeyRecord> keys =
          list.keys().stream().filter(key -> key.principal().equals(principal)).toList();
      Optional<Allowance> allowance = Optional.ofNullable(list.allowances().get(principal));
      if (json()) {
        Map<String, @Nullable Object> object = new LinkedHashMap<>();
        object.put("principal", principal);
        object.put(
            "grants",
            grants.stream()
                .map(
                    grant ->
                        Values.ordered(
                            "prefix", grant.prefix().text(), "roles", words(grant.roles())))
                .toList());
        object.put("limits", limits(allowance.orElse(Allowance.UNLIMITED)));
        object.put("keys", keys.stream().map(key -> described(list, key)).toList());
        console().printLine(Json.write(object));
        return;
      }
      console().printLine(principal);
      for (Grant grant : grants) {
        console()
            .printLine(
                "  may "
                    + String.join(", ", words(grant.roles()))
                    + (grant.prefix().isEmpty()
                        ? " all keys"
                        : " keys that start with '" + grant.prefix().text() + "'"));
      }
      allowance
          .filter(some -> !some.equals(Allowance.UNLIMITED))
          .ifPresent(some -> console().printLine("  limited to " + text(some)));
      keys.forEach(key -> console().printLine(line(list, key)));
    }

    private static List<String> words(Set<Role> roles) {
      return roles.stream().sorted().map(Role::word).toList();
    }
  }

  private static Map<String, Object> limits(Allowance allowance) {
    Map<String, Object> limits = new LinkedHashMap<>();
    limits.put("operationsPerSecond", allowance.operationsPerSecond());
    limits.put("bytesPerSecond", allowance.bytesPerSecond());
    limits.put("connections", allowance.connections());
    limits.put("bytesStored", allowance.bytesStored());
    return limits;
  }

  private static String text(Allowance allowance) {
    return Stream.of(
            limit(allowance.operationsPerSecond(), "operations a second"),
            limit(allowance.bytesPerSecond(), "bytes a second"),
            limit(allowance.connections(), "connections"),
            limit(allowance.bytesStored(), "bytes stored"))
        .flatMap(Optional::stream)
        .reduce((one, other) -> one + ", " + other)
        .map(all -> all + ", at each node")
        .orElse("nothing");
  }

  private static Optional<String> limit(long value, String what) {
    return value == 0 ? Optional.empty() : Optional.of(value + " " + what);
  }

  @Command(
      name = "create",
      description = {
        "Make an API key for a principal, and print it, this once: the cluster keeps only a hash.",
        "A principal may have several keys, and may do nothing until 'acl grant' says so."
      })
  static final class CreateCommand extends OfPrincipal {
    @Option(
        names = "--out",
        paramLabel = "FILE",
        description = "Write the key into a new file that only you can read, and print its id.")
    private @Nullable Path out;

    @Option(
        names = "--expires",
        paramLabel = "TIME",
        description = "After how long the key ends by itself, such as 30d (default: never).")
    private @Nullable Duration expires;

    @Override
    int run() {
      String name = principal();
      SecureRandom random = new SecureRandom();
      ApiKey key = ApiKey.mint(random);
      long now = System.currentTimeMillis();
      KeyRecord record =
          new KeyRecord(
              key.id(),
              name,
              key.hash(random),
              now,
              expires == null ? 0 : Math.addExact(now, expires.toMillis()));
      connection().connect(); // a file is of no use where no cluster knows the key
      if (out != null) {
        writeNew(out, key);
      }
      try {
        put(AccessList.keyField(key.id()), record.text());
      } catch (RuntimeException e) {
        deleteUnknown(out);
        throw e;
      }
      Map<String, @Nullable Object> object = described(AccessList.EMPTY, record);
      if (out == null) {
        object.put("key", key.text());
        tell(key.text(), object);
      } else {
        object.put("file", out.toString());
        tell("key " + key.id() + " of '" + name + "' is in " + out, object);
      }
      return ExitCode.OK;
    }

    private static void writeNew(Path file, ApiKey key) {
      try {
        Files.createFile(
            file,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        Files.writeString(file, key.text() + "\n", StandardOpenOption.WRITE);
      } catch (IOException e) {
        throw new CommandFailure(
            ExitCode.ENVIRONMENT, "--out: cannot make " + Failures.of(file, e), e);
      }
    }

    /// What the cluster has not been told of is not kept.
    private static void deleteUnknown(@Nullable Path file) {
      if (file != null) {
        try {
          Files.deleteIfExists(file);
        } catch (IOException e) {
          // Why the key was not stored is what matters.
        }
      }
    }
  }

  @Command(name = "keys", description = "Print the keys of a principal: their ids, not the keys.")
  static final class KeysCommand extends OfAccess {
    @Parameters(index = "0", paramLabel = "PRINCIPAL", description = "The name of who it is.")
    private String principal = "";

    @Override
    int run() {
      Caller.requireFree(principal);
      AccessList list = read();
      List<KeyRecord> keys =
          list.keys().stream().filter(key -> key.principal().equals(principal)).toList();
      keys.forEach(key -> tell(line(list, key).strip(), described(list, key)));
      if (keys.isEmpty() && !json()) {
        console().errorLine("'" + principal + "' has no key");
      }
      return keys.isEmpty() ? ExitCode.NEGATIVE : ExitCode.OK;
    }
  }

  /// One that changes what a principal may do with the keys that start with a prefix.
  abstract static class OfGrant extends OfPrincipal {
    @Parameters(
        index = "1",
        paramLabel = "PREFIX",
        description = "What keys start with; '' for all.")
    private String prefix = "";

    final String prefix() {
      return prefix;
    }

    final Map<String, @Nullable Object> described(String name, Object value) {
      Map<String, @Nullable Object> object =
          Values.ordered("principal", principal(), "prefix", prefix);
      object.put(name, value);
      return object;
    }
  }

  @Command(
      name = "grant",
      description = {
        "Let a principal use the keys that start with a prefix, in place of what it was granted for"
            + " just that prefix before.",
        "'admin' on the empty prefix, '', is the right to administer the cluster."
      })
  static final class GrantCommand extends OfGrant {
    @Parameters(
        index = "2",
        paramLabel = "ROLES",
        description = "read, write, admin, or several: read,write.")
    private String roles = "";

    @Override
    int run() {
      Set<Role> granted = AccessList.roles(roles);
      if (granted.isEmpty()) {
        throw new IllegalArgumentException("no role is given; 'acl ungrant' takes a grant back");
      }
      put(AccessList.grantField(principal(), prefix()), AccessList.text(granted));
      tell(
          "'" + principal() + "' may " + AccessList.text(granted) + " '" + prefix() + "…'",
          described("roles", AccessList.text(granted)));
      return ExitCode.OK;
    }
  }

  @Command(
      name = "ungrant",
      aliases = "revoke-grant",
      description = "Take a grant back: that of just this prefix. Exits with 1 if there was none.")
  static final class UngrantCommand extends OfGrant {
    @Override
    int run() {
      boolean wasThere =
          read().grants().getOrDefault(principal(), List.of()).stream()
              .anyMatch(
                  grant ->
                      grant.prefix().equals(Payload.ofText(prefix())) && !grant.roles().isEmpty());
      put(AccessList.grantField(principal(), prefix()), "");
      tell(
          wasThere
              ? "'" + principal() + "' has no grant for '" + prefix() + "…' any more"
              : "'" + principal() + "' had no grant for '" + prefix() + "…'",
          described("wasThere", wasThere));
      return wasThere ? ExitCode.OK : ExitCode.NEGATIVE;
    }
  }

  /// One that ends a key or a certificate, for ever.
  abstract static class OfRevocation extends OfAccess {
    @Mixin private final WriteOptions write = new WriteOptions();

    final void revoke(String id) {
      map(write.applyTo(connection().callOptions())).flag(AccessList.revokedField(id)).enable();
    }
  }

  @Command(
      name = "revoke",
      description = {
        "End an API key at once, and for ever. Its id is its second part, and in 'acl list'.",
        "Keys of administrators that stand in files of the nodes can be ended so too."
      })
  static final class RevokeCommand extends OfRevocation {
    @Parameters(index = "0", paramLabel = "KEY-ID", description = "16 hexadecimal digits.")
    private String id = "";

    @Override
    int run() {
      if (!KEY_ID.matcher(id).matches()) {
        // Whoever gives the whole key by mistake does not find it in a log.
        throw new IllegalArgumentException(
            "KEY-ID is no id of an API key: it has 16 hexadecimal digits, such as"
                + " 0123456789abcdef, and is the part after trellis_");
      }
      revoke(id);
      tell("key " + id + " is revoked", Values.ordered("id", id, "revoked", true));
      return ExitCode.OK;
    }
  }

  @Command(
      name = "revoke-certificate",
      description =
          "End a certificate at once, and for ever. 'security status' tells its serial number.")
  static final class RevokeCertificateCommand extends OfRevocation {
    @Parameters(index = "0", paramLabel = "SERIAL", description = "Hexadecimal digits.")
    private String serial = "";

    @Override
    int run() {
      String digits = serial.replace(":", "").toLowerCase(Locale.ROOT).replaceFirst("^0+(?=.)", "");
      if (!SERIAL.matcher(digits).matches()) {
        throw new IllegalArgumentException(
            "'" + serial + "' is no serial number: write its hexadecimal digits");
      }
      revoke(AccessList.certificateId(digits));
      tell(
          "certificate " + digits + " is revoked",
          Values.ordered("serial", digits, "revoked", true));
      return ExitCode.OK;
    }
  }

  @Command(
      name = "limit",
      description = {
        "Limit what a principal uses, at each node. What is not given stays as it was; 0 is no limit."
      })
  static final class LimitCommand extends OfPrincipal {
    @Option(
        names = "--operations",
        paramLabel = "N",
        description = "Requests a second, each of a batch counted.")
    private @Nullable Long operations;

    @Option(
        names = "--bytes",
        paramLabel = "N",
        description = "Bytes of keys and values a second, in and out.")
    private @Nullable Long bytes;

    @Option(names = "--connections", paramLabel = "N", description = "Connections at a time.")
    private @Nullable Long connections;

    @Option(
        names = "--stored",
        paramLabel = "N",
        description = "Bytes of entries whose keys it may write.")
    private @Nullable Long stored;

    @Override
    int run() {
      if (Stream.of(operations, bytes, connections, stored).allMatch(limit -> limit == null)) {
        throw new IllegalArgumentException(
            "no limit is given; give some of --operations, --bytes, --connections and --stored");
      }
      Allowance base = read().allowances().getOrDefault(principal(), Allowance.UNLIMITED);
      Allowance limited =
          new Allowance(
              chosen(operations, base.operationsPerSecond()),
              chosen(bytes, base.bytesPerSecond()),
              chosen(connections, base.connections()),
              chosen(stored, base.bytesStored()));
      put(AccessList.allowanceField(principal()), AccessList.text(limited));
      Map<String, @Nullable Object> object = new LinkedHashMap<>();
      object.put("principal", principal());
      object.put("limits", limits(limited));
      tell("'" + principal() + "' is limited to " + text(limited), object);
      return ExitCode.OK;
    }

    private static long chosen(@Nullable Long given, long former) {
      return given == null ? former : given;
    }
  }
}
