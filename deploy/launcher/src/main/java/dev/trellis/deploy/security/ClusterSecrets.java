package dev.trellis.deploy.security;

import dev.trellis.access.AccessList;
import dev.trellis.access.ApiKey;
import dev.trellis.access.Caller;
import dev.trellis.access.CertificateName;
import dev.trellis.access.CertificateName.Part;
import dev.trellis.access.KeyRecord;
import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.ExitCode;
import dev.trellis.process.CurveKeys;
import dev.trellis.process.Secrets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// All secrets of a cluster, in one folder:
///
/// | folder | for | holds |
/// |---|---|---|
/// | `ca` | nobody but who runs the cluster | the authority: `ca.crt`, `ca.key` |
/// | `nodes/NAME` | a node; `any` for all that share a certificate | the files of [Secrets] |
/// | `router`, `monitor` | these | the same, as far as they need them |
/// | `client` | who administers the cluster | `ca.crt`, `admin.key`, `curve.key`, `curve-server.pub`, `session.key` |
/// | `clients/NAME` | a principal that has a certificate | `ca.crt`, `tls.crt`, `tls.key` |
///
/// What is exchanged goes through [Stage]s, so that whoever has new files already and whoever has
/// the former ones understand each other.
public final class ClusterSecrets {
  /// The API key of the administrator, among what a client has.
  public static final String ADMINISTRATOR_KEY = "admin.key";

  /// The public halves of the keys of control planes, a line each, for those who connect to them.
  public static final String CURVE_SERVER_PUBLIC = CurveKeys.SERVER_PUBLIC;

  /// The folder with what a client has.
  public static final String CLIENT = "client";

  /// The folders of these.
  public static final Path ROUTER = Path.of("router");

  public static final Path MONITOR = Path.of("monitor");

  /// The folder of the nodes that share a certificate.
  public static final String ANY = "any";

  static final String ANY_NAME = "*";

  private static final Pattern NAME =
      Pattern.compile("[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?");
  private static final Duration AUTHORITY_LIFE = Duration.ofDays(3_653);
  private static final int SESSION_KEY_BYTES = 32;
  private static final String NEXT = ".next";

  private static final Path CA = Path.of("ca");
  private static final Path CA_KEY = CA.resolve("ca.key");
  private static final Path CA_NEXT = CA.resolve("ca.crt" + NEXT);
  private static final Path CA_NEXT_KEY = CA.resolve("ca.key" + NEXT);
  private static final Path CROSS = CA.resolve("cross.crt");
  private static final Path STAGES = CA.resolve("rotation");
  private static final Path NODES = Path.of("nodes");
  private static final Path CLIENTS = Path.of("clients");
  private static final Path OPERATOR = Path.of(CLIENT);
  private static final int URI_NAME = 6; // RFC 5280, GeneralName
  private static final int DNS_NAME = 2;
  private static final int ADDRESS = 7;

  private final SecretFiles files;
  private final SecureRandom random;

  private ClusterSecrets(Path root, SecureRandom random) {
    this.files = new SecretFiles(root);
    this.random = random;
  }

  // Making and adding.

  /// Makes the folder, whole or not at all.
  ///
  /// @param nodes their names; `*` for any
  /// @param hosts names and addresses that processes are reached by, beside those of their own
  ///   machine
  /// @param life of certificates, but not of the authority, which lives ten years or as long
  /// @throws CommandFailure if the folder is there already, or a name is none
  public static ClusterSecrets create(
      Path root,
      String cluster,
      List<String> nodes,
      List<String> hosts,
      Duration life,
      Instant now,
      SecureRandom random) {
    requireName("cluster", cluster);
    nodes.forEach(ClusterSecrets::requireNode);
    requireDistinct(nodes);
    ClusterSecrets made = new ClusterSecrets(root, random);
    made.make(cluster, nodes, hosts(hosts), life, now);
    made.files.create();
    return made;
  }

  /// A folder that was made before.
  ///
  /// @throws CommandFailure if it is none
  public static ClusterSecrets open(Path root, SecureRandom random) {
    ClusterSecrets opened = new ClusterSecrets(root, random);
    if (!hasAuthority(root)) {
      throw new CommandFailure(
          ExitCode.MISUSE,
          root
              + " has no ca/ca.key: it is no folder that 'trellis security init' made, or only a"
              + " part of one");
    }
    return opened;
  }

  /// Whether the authority that signs is in the folder, and not kept elsewhere.
  public static boolean hasAuthority(Path root) {
    return Files.exists(root.resolve(CA_KEY));
  }

  private void make(
      String cluster, List<String> nodes, List<String> hosts, Duration life, Instant now) {
    Duration authorityLife = life.compareTo(AUTHORITY_LIFE) > 0 ? life : AUTHORITY_LIFE;
    Authority authority = Authority.mint(cluster, now, authorityLife, random);
    files.open(CA.resolve(Secrets.AUTHORITIES), Pem.text(List.of(authority.certificate())));
    files.secret(CA_KEY, Pem.text(authority.key()));
    CurvePair server = CurvePair.mint();
    ApiKey administrator = ApiKey.mint(random);
    String accessKey = accessKey(administrator, now);
    String session = sessionKey() + "\n";

    List<Path> nodeFolders = nodes.stream().map(ClusterSecrets::nodeFolder).toList();
    StringBuilder known = new StringBuilder();
    for (Path folder : nodeFolders) {
      known.append(knownLine(mintCurve(folder), folder));
    }
    known.append(knownLine(mintCurve(MONITOR), MONITOR));
    known.append(knownLine(mintCurve(OPERATOR), OPERATOR));

    for (Path folder : processes(nodeFolders)) {
      writeCertificate(folder, authority, nameOf(folder, cluster), hosts, life, now);
      files.secret(folder.resolve(Secrets.ACCESS_KEYS), accessKey);
      files.secret(folder.resolve(Secrets.SESSION_KEY), session);
    }
    for (Path folder : nodeFolders) {
      files.secret(folder.resolve(Secrets.CURVE_SERVER_KEY), CurvePair.text(List.of(server)));
      files.open(folder.resolve(Secrets.CURVE_KNOWN), known.toString());
    }
    for (Path folder : List.of(MONITOR, OPERATOR)) {
      files.open(folder.resolve(CURVE_SERVER_PUBLIC), server.publicKey() + "\n");
    }
    files.open(OPERATOR.resolve(Secrets.AUTHORITIES), files.text(CA.resolve(Secrets.AUTHORITIES)));
    files.secret(OPERATOR.resolve(ADMINISTRATOR_KEY), administrator.text() + "\n");
    files.secret(OPERATOR.resolve(Secrets.SESSION_KEY), session);
  }

  /// Makes what one more node needs, and makes it known to the others.
  ///
  /// @return the names of those whose `curve.known` was changed
  /// @throws CommandFailure if there is such a node already
  public List<String> addNode(String name, List<String> hosts, Duration life, Instant now) {
    requireNode(name);
    Path folder = nodeFolder(name);
    requireNew(folder);
    List<Path> others = files.folders(NODES);
    if (others.isEmpty()) {
      throw new CommandFailure(
          ExitCode.MISUSE, files.root() + " has no node that another could be like");
    }
    Path like = others.get(0);
    Authority authority = authority();
    String line = knownLine(mintCurve(folder), folder);
    String known = files.text(like.resolve(Secrets.CURVE_KNOWN)) + line;
    // First the others: the new one is let in from its first try on.
    others.forEach(other -> files.open(other.resolve(Secrets.CURVE_KNOWN), known));
    files.open(folder.resolve(Secrets.CURVE_KNOWN), known);
    for (String file :
        List.of(Secrets.CURVE_SERVER_KEY, Secrets.ACCESS_KEYS, Secrets.SESSION_KEY)) {
      files.secret(folder.resolve(file), files.text(like.resolve(file)));
    }
    writeCertificate(
        folder, authority, nameOf(folder, authority.cluster()), hosts(hosts), life, now);
    files.change();
    return others.stream().map(Path::toString).toList();
  }

  /// Makes a certificate for a principal.
  ///
  /// @return where it is
  /// @throws CommandFailure if there is such a client already
  public Path addClient(String principal, Duration life, Instant now) {
    try {
      Caller.requireFree(principal);
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCode.MISUSE, String.valueOf(e.getMessage()), e);
    }
    Path folder = CLIENTS.resolve(principal);
    requireNew(folder);
    Authority authority = authority();
    writeCertificate(folder, authority, nameOf(folder, authority.cluster()), List.of(), life, now);
    files.change();
    return files.root().resolve(folder);
  }

  private void requireNew(Path folder) {
    if (files.exists(folder.resolve(Secrets.CERTIFICATE))) {
      throw new CommandFailure(
          ExitCode.MISUSE,
          files.root().resolve(folder)
              + " is there already, and is left as it is; 'trellis security rotate' exchanges"
              + " certificates");
    }
  }

  private void writeCertificate(
      Path folder,
      Authority authority,
      CertificateName name,
      List<String> hosts,
      Duration life,
      Instant now) {
    Authority.Issued issued = authority.issue(name, hosts, now, life, random);
    List<X509Certificate> chain = new ArrayList<>(List.of(issued.certificate()));
    if (files.exists(CROSS)) {
      chain.addAll(Pem.certificates(files.text(CROSS)));
    }
    files.open(folder.resolve(Secrets.AUTHORITIES), files.text(CA.resolve(Secrets.AUTHORITIES)));
    files.secret(folder.resolve(Secrets.PRIVATE_KEY), Pem.text(issued.key()));
    files.open(folder.resolve(Secrets.CERTIFICATE), Pem.text(chain));
  }

  private CurvePair mintCurve(Path folder) {
    CurvePair pair = CurvePair.mint();
    files.secret(folder.resolve(Secrets.CURVE_KEY), CurvePair.text(List.of(pair)));
    return pair;
  }

  private String accessKey(ApiKey key, Instant now) {
    return key.id()
        + " "
        + new KeyRecord(key.id(), AccessList.ADMINISTRATOR, key.hash(random), now.toEpochMilli(), 0)
            .text()
        + "\n";
  }

  private String sessionKey() {
    byte[] bytes = new byte[SESSION_KEY_BYTES];
    random.nextBytes(bytes);
    return HexFormat.of().formatHex(bytes);
  }

  // Exchanging.

  /// What can be exchanged.
  public enum What {
    /// The authority, and with it all certificates.
    CA,
    /// Certificates and their private keys, by the same authority.
    CERTIFICATES,
    /// All keys of the control plane.
    CURVE,
    /// That which signs tokens of sessions.
    SESSION,
    /// The administrator's API key.
    ADMIN
  }

  /// How far an exchange is.
  public enum Stage {
    /// None is under way.
    NONE,
    /// The new is accepted, and the former still used.
    PREPARED,
    /// The new is used, and the former still accepted.
    USED
  }

  /// How far the exchange of one thing is.
  public Stage stage(What what) {
    if (files.exists(STAGES)) {
      for (String line : files.lines(STAGES)) {
        String[] words = line.split(" ", -1);
        if (words.length >= 2 && words[0].equals(what.name())) {
          return Stage.valueOf(words[1]);
        }
      }
    }
    return Stage.NONE;
  }

  private void setStage(What what, Stage stage, String more) {
    List<String> lines =
        new ArrayList<>(
            files.exists(STAGES)
                ? files.lines(STAGES).stream()
                    .filter(line -> !line.startsWith(what.name() + " "))
                    .toList()
                : List.of());
    if (stage != Stage.NONE) {
      lines.add((what.name() + " " + stage.name() + " " + more).strip());
    }
    if (lines.isEmpty()) {
      files.delete(STAGES);
    } else {
      files.secret(STAGES, String.join("\n", lines) + "\n");
    }
  }

  private String noted(What what) {
    return files.lines(STAGES).stream()
        .filter(line -> line.startsWith(what.name() + " "))
        .map(line -> line.substring(line.lastIndexOf(' ') + 1))
        .findFirst()
        .orElse("");
  }

  /// Makes the new, and has all accept it, while the former is still used. For [What#CERTIFICATES]
  /// there is nothing to prepare.
  ///
  /// @throws CommandFailure if an exchange is under way
  public void prepare(What what, Instant now) {
    requireStage(what, Stage.NONE);
    switch (what) {
      case CA -> {
        Authority next = Authority.mint(authority().cluster(), now, AUTHORITY_LIFE, random);
        files.secret(CA_NEXT_KEY, Pem.text(next.key()));
        files.open(CA_NEXT, Pem.text(List.of(next.certificate())));
        writeAuthorities(List.of(believed().get(0), next.certificate()));
      }
      case CERTIFICATES -> {}
      case CURVE -> prepareCurve();
      case SESSION -> {
        String next = sessionKey();
        writeSessionKeys(List.of(sessionKeys().get(0), next));
      }
      case ADMIN -> {
        ApiKey next = ApiKey.mint(random);
        String line = accessKey(next, now);
        files.secret(OPERATOR.resolve(ADMINISTRATOR_KEY + NEXT), next.text() + "\n");
        for (Path folder : processes()) {
          Path file = folder.resolve(Secrets.ACCESS_KEYS);
          files.secret(file, files.text(file) + line);
        }
      }
    }
    if (what != What.CERTIFICATES) {
      setStage(what, Stage.PREPARED, "");
    }
    files.change();
  }

  private void prepareCurve() {
    CurvePair nextServer = CurvePair.mint();
    StringBuilder more = new StringBuilder();
    for (Path folder : curveOwners()) {
      CurvePair next = CurvePair.mint();
      files.secret(folder.resolve(Secrets.CURVE_KEY + NEXT), CurvePair.text(List.of(next)));
      more.append(knownLine(next, folder));
    }
    for (Path folder : files.folders(NODES)) {
      Path known = folder.resolve(Secrets.CURVE_KNOWN);
      files.open(known, files.text(known) + more);
    }
    writeServerPairs(List.of(serverPairs().get(0), nextServer));
  }

  /// Has all use the new, while the former is still accepted.
  ///
  /// @return serial numbers of certificates that are used no more, in hexadecimal digits
  /// @throws CommandFailure if it was not prepared
  public List<String> use(What what, Instant now) {
    requireStage(what, what == What.CERTIFICATES ? Stage.NONE : Stage.PREPARED);
    List<String> replaced = List.of();
    switch (what) {
      case CA -> {
        Authority former = authority();
        Authority next =
            Authority.of(
                Pem.certificates(files.text(CA_NEXT)).get(0), Pem.key(files.text(CA_NEXT_KEY)));
        files.open(CROSS, Pem.text(List.of(former.vouchFor(next, now, random))));
        files.secret(CA_KEY, Pem.text(next.key()));
        writeAuthorities(List.of(next.certificate(), former.certificate()));
        files.delete(CA_NEXT);
        files.delete(CA_NEXT_KEY);
        replaced = renew(next, now);
      }
      case CERTIFICATES -> replaced = renew(authority(), now);
      case CURVE -> {
        for (Path folder : curveOwners()) {
          Path next = folder.resolve(Secrets.CURVE_KEY + NEXT);
          files.secret(folder.resolve(Secrets.CURVE_KEY), files.text(next));
          files.delete(next);
        }
        writeServerPairs(serverPairs().reversed());
      }
      case SESSION -> writeSessionKeys(sessionKeys().reversed());
      case ADMIN -> {}
    }
    String former = "";
    if (what == What.ADMIN) {
      Path key = OPERATOR.resolve(ADMINISTRATOR_KEY);
      former = ApiKey.parse(files.text(key).strip()).id();
      files.secret(key, files.text(OPERATOR.resolve(ADMINISTRATOR_KEY + NEXT)));
      files.delete(OPERATOR.resolve(ADMINISTRATOR_KEY + NEXT));
    }
    if (what != What.CERTIFICATES) {
      setStage(what, Stage.USED, former);
    }
    files.change();
    return replaced;
  }

  /// Has nobody accept the former any more.
  ///
  /// @throws CommandFailure if the new is not used yet
  public void finish(What what) {
    requireStage(what, Stage.USED);
    switch (what) {
      case CA -> {
        writeAuthorities(List.of(believed().get(0)));
        for (Path folder : certificateOwners()) {
          Path file = folder.resolve(Secrets.CERTIFICATE);
          files.open(file, Pem.text(List.of(Pem.certificates(files.text(file)).get(0))));
        }
        files.delete(CROSS);
      }
      case CERTIFICATES -> {}
      case CURVE -> {
        Set<String> used = new HashSet<>();
        for (Path folder : curveOwners()) {
          used.add(
              CurvePair.parse(files.lines(folder.resolve(Secrets.CURVE_KEY))).get(0).publicKey());
        }
        for (Path folder : files.folders(NODES)) {
          Path known = folder.resolve(Secrets.CURVE_KNOWN);
          StringBuilder kept = new StringBuilder();
          files.lines(known).stream()
              .filter(line -> used.contains(line.substring(0, line.indexOf(' '))))
              .forEach(line -> kept.append(line).append('\n'));
          files.open(known, kept.toString());
        }
        writeServerPairs(List.of(serverPairs().get(0)));
      }
      case SESSION -> writeSessionKeys(List.of(sessionKeys().get(0)));
      case ADMIN -> {
        String former = noted(What.ADMIN) + " ";
        for (Path folder : processes()) {
          Path file = folder.resolve(Secrets.ACCESS_KEYS);
          StringBuilder kept = new StringBuilder();
          files.lines(file).stream()
              .filter(line -> !line.startsWith(former))
              .forEach(line -> kept.append(line).append('\n'));
          files.secret(file, kept.toString());
        }
      }
    }
    setStage(what, Stage.NONE, "");
    files.change();
  }

  private void requireStage(What what, Stage wanted) {
    Stage stage = stage(what);
    if (stage != wanted) {
      throw new CommandFailure(
          ExitCode.REFUSED,
          switch (stage) {
            case NONE ->
                "no exchange of " + word(what) + " is under way; 'security rotate' begins one";
            case PREPARED ->
                "new ones of "
                    + word(what)
                    + " are accepted but not used yet; 'security rotate' has them used";
            case USED ->
                "an exchange of "
                    + word(what)
                    + " is under way: end it with --finish once all processes have the new files";
          });
    }
  }

  static String word(What what) {
    return what.name().toLowerCase(Locale.ROOT);
  }

  /// Issues all certificates anew, for as long and for the same hosts.
  private List<String> renew(Authority authority, Instant now) {
    List<String> replaced = new ArrayList<>();
    for (Path folder : certificateOwners()) {
      X509Certificate former =
          Pem.certificates(files.text(folder.resolve(Secrets.CERTIFICATE))).get(0);
      replaced.add(former.getSerialNumber().toString(16));
      Duration life =
          Duration.ofDays(
              Math.max(
                  1,
                  Duration.between(
                          former.getNotBefore().toInstant(), former.getNotAfter().toInstant())
                      .toDays()));
      writeCertificate(
          folder, authority, nameOf(folder, authority.cluster()), hosts(former), life, now);
    }
    return replaced;
  }

  private void writeAuthorities(List<X509Certificate> believed) {
    String text = Pem.text(believed);
    files.open(CA.resolve(Secrets.AUTHORITIES), text);
    Stream.concat(certificateOwners().stream(), Stream.of(OPERATOR))
        .forEach(folder -> files.open(folder.resolve(Secrets.AUTHORITIES), text));
  }

  private List<X509Certificate> believed() {
    return Pem.certificates(files.text(CA.resolve(Secrets.AUTHORITIES)));
  }

  private List<CurvePair> serverPairs() {
    return CurvePair.parse(
        files.lines(files.folders(NODES).get(0).resolve(Secrets.CURVE_SERVER_KEY)));
  }

  private void writeServerPairs(List<CurvePair> pairs) {
    StringBuilder halves = new StringBuilder();
    pairs.forEach(pair -> halves.append(pair.publicKey()).append('\n'));
    // First those who connect: they try all.
    for (Path folder : List.of(MONITOR, OPERATOR)) {
      files.open(folder.resolve(CURVE_SERVER_PUBLIC), halves.toString());
    }
    for (Path folder : files.folders(NODES)) {
      files.secret(folder.resolve(Secrets.CURVE_SERVER_KEY), CurvePair.text(pairs));
    }
  }

  private List<String> sessionKeys() {
    return files.lines(OPERATOR.resolve(Secrets.SESSION_KEY));
  }

  private void writeSessionKeys(List<String> keys) {
    String text = String.join("\n", keys) + "\n";
    Stream.concat(processes().stream(), Stream.of(OPERATOR))
        .forEach(folder -> files.secret(folder.resolve(Secrets.SESSION_KEY), text));
  }

  // How it is.

  /// A certificate that is in the folder.
  ///
  /// @param name where it is, such as `nodes/node-0`
  public record Held(String name, String uri, String serialHex, Instant expires) {}

  /// All certificates, the authority's first.
  public List<Held> certificates() {
    List<Held> held = new ArrayList<>();
    for (X509Certificate certificate : believed()) {
      held.add(held(CA, certificate));
    }
    for (Path folder : certificateOwners()) {
      held.add(
          held(folder, Pem.certificates(files.text(folder.resolve(Secrets.CERTIFICATE))).get(0)));
    }
    return held;
  }

  private static Held held(Path folder, X509Certificate certificate) {
    return new Held(
        folder.toString(),
        names(certificate, URI_NAME).stream().findFirst().orElse(""),
        certificate.getSerialNumber().toString(16),
        certificate.getNotAfter().toInstant());
  }

  /// Folders and files that others than their owner may open, though they should not.
  public List<Path> tooOpen() {
    return files.tooOpen();
  }

  /// The cluster's name.
  public String cluster() {
    return authority().cluster();
  }

  // Who has what.

  private Authority authority() {
    try {
      return Authority.of(believed().get(0), Pem.key(files.text(CA_KEY)));
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT, files.root().resolve(CA) + " is damaged: " + e.getMessage(), e);
    }
  }

  private List<Path> processes() {
    return processes(files.folders(NODES));
  }

  private static List<Path> processes(List<Path> nodes) {
    return Stream.concat(nodes.stream(), Stream.of(ROUTER, MONITOR)).toList();
  }

  private List<Path> certificateOwners() {
    return Stream.concat(processes().stream(), files.folders(CLIENTS).stream()).toList();
  }

  private List<Path> curveOwners() {
    return Stream.concat(files.folders(NODES).stream(), Stream.of(MONITOR, OPERATOR)).toList();
  }

  /// Where the secrets of a node are, in the folder of all.
  ///
  /// @param name `*` for any
  public static Path nodeFolder(String name) {
    return NODES.resolve(name.equals(ANY_NAME) ? ANY : name);
  }

  private static CertificateName nameOf(Path folder, String cluster) {
    String last = String.valueOf(folder.getFileName());
    if (folder.startsWith(NODES)) {
      return new CertificateName(cluster, Part.NODE, last.equals(ANY) ? ANY_NAME : last);
    }
    if (folder.startsWith(CLIENTS)) {
      return new CertificateName(cluster, Part.CLIENT, last);
    }
    return new CertificateName(
        cluster, folder.equals(ROUTER) ? Part.ROUTER : Part.MONITOR, ANY_NAME);
  }

  private static String knownLine(CurvePair pair, Path folder) {
    String name =
        folder.startsWith(NODES)
            ? folder.endsWith(ANY) ? "node" : "node/" + folder.getFileName()
            : folder.equals(MONITOR) ? "monitor" : "operator";
    return pair.publicKey() + " " + name + "\n";
  }

  private static List<String> hosts(List<String> given) {
    try {
      return Hosts.withOwn(given);
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCode.MISUSE, "--host: " + e.getMessage(), e);
    }
  }

  private static List<String> hosts(X509Certificate certificate) {
    return Stream.concat(
            names(certificate, DNS_NAME).stream(), names(certificate, ADDRESS).stream())
        .toList();
  }

  private static List<String> names(X509Certificate certificate, int type) {
    try {
      Collection<List<?>> names =
          Objects.requireNonNullElse(certificate.getSubjectAlternativeNames(), List.of());
      return names.stream()
          .filter(name -> name.size() > 1 && Integer.valueOf(type).equals(name.get(0)))
          .map(name -> String.valueOf(name.get(1)))
          .toList();
    } catch (CertificateParsingException e) {
      return List.of();
    }
  }

  /// Names stand in certificates as a part of a URI, and folders are called by them.
  private static void requireName(String what, String name) {
    if (!NAME.matcher(name).matches()) {
      throw new CommandFailure(
          ExitCode.MISUSE,
          "'"
              + name.replaceAll("\\p{Cntrl}", "?")
              + "' cannot be the name of a "
              + what
              + " with security = on, since it stands in certificates: use 1 to 64 of A-Z, a-z,"
              + " 0-9, '.', '_' and '-', with a letter or a digit first and no '.' last");
    }
  }

  private static void requireNode(String name) {
    if (!name.equals(ANY_NAME)) {
      requireName("node", name);
    }
    if (name.equals(ANY)) {
      throw new CommandFailure(
          ExitCode.MISUSE, "a node cannot be called 'any': that is the folder of '*'");
    }
  }

  private static void requireDistinct(List<String> nodes) {
    Set<String> seen = new HashSet<>();
    Optional<String> twice = nodes.stream().filter(name -> !seen.add(name)).findFirst();
    if (twice.isPresent()) {
      throw new CommandFailure(
          ExitCode.MISUSE, "node '" + twice.get() + "' is given twice; names must differ");
    }
  }
}
