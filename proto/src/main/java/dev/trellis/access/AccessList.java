package dev.trellis.access;

import dev.trellis.lattice.Payload;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// All principals of a cluster, as they were at one moment. Immutable.
///
/// The cluster keeps it as a `map` under [#KEY], whose fields are merged each by itself, so that
/// two administrators who change different things at a time lose nothing:
///
/// | field | kind | value |
/// |---|---|---|
/// | `key/ID` | `lww` | [KeyRecord#text] |
/// | `grant/PRINCIPAL/PREFIX` | `lww` | roles, as `read,write`; none for a grant taken back |
/// | `allowance/PRINCIPAL` | `lww` | `OPERATIONS BYTES CONNECTIONS STORED`, as in [Allowance] |
/// | `revoked/ID` | `flag` | of an API key, or of a certificate by its serial number: `certificate-HEX` |
///
/// What was revoked stays so, since a flag only ever rises: no write that was under way, and no
/// node that was away, brings it back. A field that cannot be read gives nobody anything.
public final class AccessList {
  /// Where it is kept.
  public static final Payload KEY = Payload.ofText("_trellis/access");

  /// Nobody.
  public static final AccessList EMPTY =
      new AccessList(List.of(), Map.of(), Map.of(), Set.of(), Set.of());

  /// The principal of keys that stand in a node's own file.
  public static final String ADMINISTRATOR = "admin";

  private static final String KEY_FIELD = "key/";
  private static final String GRANT_FIELD = "grant/";
  private static final String ALLOWANCE_FIELD = "allowance/";
  private static final String REVOKED_FIELD = "revoked/";

  /// What comes of somebody's showing something.
  public sealed interface Authentication {
    /// It is known who it is.
    ///
    /// @param expiresMillis when he has to show something else; 0 for never
    record Known(Caller caller, long expiresMillis) implements Authentication {}

    /// It is not.
    ///
    /// @param reason why, for people
    record Unknown(String reason) implements Authentication {}
  }

  private final Map<String, KeyRecord> keys; // by id
  private final Map<String, List<Grant>> grants; // by principal
  private final Map<String, Allowance> allowances; // by principal
  private final Set<String> revoked; // ids
  private final Set<String> unreadable; // fields
  private final Map<String, Caller> callers = new HashMap<>(); // by principal; all that have any

  private AccessList(
      List<KeyRecord> keys,
      Map<String, List<Grant>> grants,
      Map<String, Allowance> allowances,
      Set<String> revoked,
      Set<String> unreadable) {
    this.keys = new TreeMap<>();
    keys.forEach(key -> this.keys.put(key.id(), key));
    this.grants = grants;
    this.allowances = allowances;
    this.revoked = revoked;
    this.unreadable = Set.copyOf(unreadable);
    Set<String> principals = new HashSet<>(grants.keySet());
    keys.forEach(key -> principals.add(key.principal()));
    principals.forEach(name -> callers.put(name, caller(name)));
  }

  private Caller caller(String principal) {
    return new Caller(
        principal,
        Rights.of(grants.getOrDefault(principal, List.of())),
        allowances.getOrDefault(principal, Allowance.UNLIMITED));
  }

  /// Makes one of the fields of the value under [#KEY].
  ///
  /// @param registers the `lww` fields by name, as text
  /// @param flags the names of the `flag` fields that are raised
  public static AccessList of(Map<String, String> registers, Set<String> flags) {
    List<KeyRecord> keys = new ArrayList<>();
    Map<String, List<Grant>> grants = new TreeMap<>();
    Map<String, Allowance> allowances = new TreeMap<>();
    Set<String> revoked = new HashSet<>();
    Set<String> unreadable = new HashSet<>();
    registers.forEach(
        (field, text) -> {
          try {
            if (field.startsWith(KEY_FIELD)) {
              keys.add(KeyRecord.parse(field.substring(KEY_FIELD.length()), text));
            } else if (field.startsWith(GRANT_FIELD)) {
              String rest = field.substring(GRANT_FIELD.length());
              int slash = rest.indexOf('/');
              String principal = Caller.requireFree(rest.substring(0, Math.max(slash, 0)));
              grants
                  .computeIfAbsent(principal, ignored -> new ArrayList<>())
                  .add(new Grant(Payload.ofText(rest.substring(slash + 1)), roles(text)));
            } else if (field.startsWith(ALLOWANCE_FIELD)) {
              allowances.put(
                  Caller.requireFree(field.substring(ALLOWANCE_FIELD.length())), allowance(text));
            }
          } catch (IllegalArgumentException e) {
            if (field.startsWith(ALLOWANCE_FIELD)) {
              // Somebody is limited, and nobody knows how: not at all would be too much.
              allowances.put(field.substring(ALLOWANCE_FIELD.length()), Allowance.LEAST);
            }
            unreadable.add(field); // of a later version, or of somebody who does not know the form
          }
        });
    flags.stream()
        .filter(flag -> flag.startsWith(REVOKED_FIELD))
        .forEach(flag -> revoked.add(flag.substring(REVOKED_FIELD.length())));
    return new AccessList(keys, grants, allowances, revoked, unreadable);
  }

  /// The names of fields that could not be read, and give nobody anything.
  public Set<String> unreadable() {
    return unreadable;
  }

  /// The same, and these keys too, which belong to an administrator: so the first one gets in,
  /// before anything is stored.
  public AccessList withAdministrators(List<KeyRecord> administrators) {
    List<KeyRecord> all = new ArrayList<>(keys.values());
    Map<String, List<Grant>> granted = new TreeMap<>(grants);
    for (KeyRecord key : administrators) {
      all.add(key);
      List<Grant> more = new ArrayList<>(granted.getOrDefault(key.principal(), List.of()));
      more.add(new Grant(Payload.EMPTY, Set.of(Role.ADMIN)));
      granted.put(key.principal(), more);
    }
    return new AccessList(all, granted, allowances, revoked, unreadable);
  }

  /// Who shows this key. The reasons of refusals tell nobody whether an id exists.
  public Authentication authenticate(ApiKey key, long nowMillis) {
    @Nullable KeyRecord record = keys.get(key.id());
    if (record == null || !record.hash().matches(key.secret())) {
      return new Authentication.Unknown(
          "API key " + key.id() + " is not known, or its secret is another");
    }
    return authenticate(record, nowMillis);
  }

  /// The same of somebody who has shown the secret before.
  ///
  /// @param hash of that secret, as it was kept then
  public Authentication authenticateAgain(String id, SecretHash hash, long nowMillis) {
    @Nullable KeyRecord record = keys.get(id);
    if (record == null || !record.hash().equals(hash)) {
      return new Authentication.Unknown("API key " + id + " is not known any more");
    }
    return authenticate(record, nowMillis);
  }

  /// The key with this id.
  public Optional<KeyRecord> key(String id) {
    return Optional.ofNullable(keys.get(id));
  }

  private Authentication authenticate(KeyRecord record, long nowMillis) {
    if (revoked.contains(record.id())) {
      return new Authentication.Unknown("API key " + record.id() + " was revoked");
    }
    if (record.expiresMillis() != 0 && record.expiresMillis() <= nowMillis) {
      return new Authentication.Unknown("API key " + record.id() + " has expired");
    }
    return new Authentication.Known(
        callers.getOrDefault(
            record.principal(), new Caller(record.principal(), Rights.NONE, Allowance.UNLIMITED)),
        record.expiresMillis());
  }

  /// A principal as it is now; one that nothing was granted has no rights.
  public Caller principal(String name) {
    @Nullable Caller known = callers.get(name);
    return known == null ? new Caller(name, Rights.NONE, Allowance.UNLIMITED) : known;
  }

  /// Whether an API key, by its id, or a certificate, by [#certificateId], was revoked.
  public boolean isRevoked(String id) {
    return revoked.contains(id);
  }

  /// How a certificate is named where it is revoked.
  ///
  /// @param serialHex its serial number, in hexadecimal digits
  public static String certificateId(String serialHex) {
    return "certificate-" + serialHex;
  }

  /// All keys, by id.
  public List<KeyRecord> keys() {
    return List.copyOf(keys.values());
  }

  /// What was granted, by principal; without those who have keys only.
  public Map<String, List<Grant>> grants() {
    return Map.copyOf(grants);
  }

  /// What was limited, by principal.
  public Map<String, Allowance> allowances() {
    return Map.copyOf(allowances);
  }

  /// What somebody who has no certificate is told to whom he shows this.
  ///
  /// @param credentials as they came
  public Authentication authenticate(Payload credentials, long nowMillis) {
    if (credentials.isEmpty()) {
      return new Authentication.Unknown(
          "no API key was shown, nor a certificate that an authority of this cluster signed, and"
              + " nobody is served without; give one with credentials, --key-file or"
              + " TRELLIS_API_KEY_FILE");
    }
    return parse(credentials)
        .map(key -> authenticate(key, nowMillis))
        .orElseGet(() -> new Authentication.Unknown("what was shown is no API key"));
  }

  private static Optional<ApiKey> parse(Payload credentials) {
    try {
      return credentials.isText()
          ? Optional.of(ApiKey.parse(credentials.text()))
          : Optional.empty();
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  // Names and texts of fields, for who changes the list.

  /// The field of a key.
  public static String keyField(String id) {
    return KEY_FIELD + id;
  }

  /// The field of a grant.
  ///
  /// @param prefix of keys; UTF-8
  public static String grantField(String principal, String prefix) {
    return GRANT_FIELD + Caller.requireFree(principal) + "/" + prefix;
  }

  /// The field of an allowance.
  public static String allowanceField(String principal) {
    return ALLOWANCE_FIELD + Caller.requireFree(principal);
  }

  /// The field of what is revoked.
  public static String revokedField(String id) {
    return REVOKED_FIELD + id;
  }

  /// Roles as they are kept in a field: `read,write`.
  public static String text(Set<Role> roles) {
    return String.join(",", roles.stream().sorted().map(Role::word).toList());
  }

  /// Reads roles.
  ///
  /// @throws IllegalArgumentException if a word is none
  public static Set<Role> roles(String text) {
    Set<Role> roles = new HashSet<>();
    for (String word : text.isEmpty() ? new String[0] : text.split(",", -1)) {
      roles.add(
          Role.ofWord(word)
              .orElseThrow(
                  () ->
                      new IllegalArgumentException(
                          "'" + word + "' is no role; there are read, write and admin")));
    }
    return roles;
  }

  /// An allowance as it is kept in a field.
  public static String text(Allowance allowance) {
    return allowance.operationsPerSecond()
        + " "
        + allowance.bytesPerSecond()
        + " "
        + allowance.connections()
        + " "
        + allowance.bytesStored();
  }

  private static Allowance allowance(String text) {
    String[] words = text.split(" ", -1);
    if (words.length != 4) {
      throw new IllegalArgumentException("an allowance has 4 numbers; here are " + words.length);
    }
    return new Allowance(
        Long.parseLong(words[0]),
        Long.parseLong(words[1]),
        Long.parseLong(words[2]),
        Long.parseLong(words[3]));
  }
}
