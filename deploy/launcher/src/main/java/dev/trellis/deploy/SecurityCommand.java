package dev.trellis.deploy;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Json;
import dev.trellis.cli.StandardOptions;
import dev.trellis.deploy.security.ClusterSecrets;
import dev.trellis.deploy.security.ClusterSecrets.Stage;
import dev.trellis.deploy.security.ClusterSecrets.What;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `security`: makes the certificates and keys of a cluster, and exchanges them.
@Command(
    name = "security",
    description = "Make the certificates and keys of a cluster: init, add, client, rotate, status.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis security init secrets --nodes 3 --host db.example   all that 3 nodes need",
      "  trellis security add secrets node-3                         and one more",
      "  trellis security rotate secrets --what certificates         new ones, while all runs",
      "  trellis security status secrets                             what ends when"
    },
    subcommands = {
      SecurityCommand.InitCommand.class,
      SecurityCommand.AddCommand.class,
      SecurityCommand.ClientCommand.class,
      SecurityCommand.RotateCommand.class,
      SecurityCommand.StatusCommand.class
    })
final class SecurityCommand {
  private static final int DAYS_MAX = 3_650;
  private static final int NODES_MAX = 1_000;
  private static final int NODES = 3;
  private static final Duration SOON = Duration.ofDays(30);
  private static final DateTimeFormatter DAY =
      DateTimeFormatter.ISO_LOCAL_DATE.withZone(ZoneOffset.UTC);

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  @SuppressWarnings("UnusedVariable") // for picocli
  private boolean help;

  /// What the commands of this group have in common.
  abstract static class OfFolder implements Callable<Integer> {
    @Mixin final StandardOptions standard = new StandardOptions();

    @Parameters(index = "0", paramLabel = "DIR", description = "The folder with the secrets.")
    private Path folder = Path.of("");

    final Path folder() {
      return folder.toAbsolutePath().normalize();
    }

    final ClusterSecrets secrets() {
      return ClusterSecrets.open(folder(), new SecureRandom());
    }

    /// Tells people lines, or programs an object.
    final void tell(List<String> lines, Map<String, Object> json) {
      Console console = standard.console();
      if (standard.json()) {
        console.printLine(Json.write(json));
      } else {
        lines.forEach(console::printLine);
      }
    }
  }

  /// The options of those that make certificates.
  abstract static class OfCertificate extends OfFolder {
    @Option(
        names = "--days",
        paramLabel = "D",
        defaultValue = "365",
        description = "How long certificates hold, 1 to 3650 days (default: 365).")
    private int days = 365;

    final Duration life() {
      if (days < 1 || days > DAYS_MAX) {
        throw new CommandFailure(
            ExitCode.MISUSE, "--days " + days + " is outside 1 to " + DAYS_MAX);
      }
      return Duration.ofDays(days);
    }
  }

  @Command(
      name = "init",
      description = {
        "Make a folder with an authority, and what each process and the administrator need of it.",
        "It is all there is to know about the cluster: copy to each process its own folder alone,"
            + " and keep 'ca' off every server."
      })
  static final class InitCommand extends OfCertificate {
    @Option(
        names = "--cluster",
        paramLabel = "NAME",
        defaultValue = "trellis",
        description = "The cluster's name, as cluster.name says it (default: trellis).")
    private String cluster = "trellis";

    @ArgGroup private @Nullable Nodes nodes;

    @Option(
        names = "--host",
        paramLabel = "NAME",
        description =
            "A name or an address that processes are reached by, beside localhost, for browsers and"
                + " curl; may be given several times.")
    private List<String> hosts = new ArrayList<>();

    /// At most one of the two.
    static final class Nodes {
      @Option(
          names = "--nodes",
          paramLabel = "N",
          description = "For so many nodes, node-0 and on, 1 to 1000 (default: 3).")
      private @Nullable Integer number;

      @Option(
          names = "--node",
          paramLabel = "NAME",
          description =
              "For a node of this name; may be given several times. '*' makes one certificate that"
                  + " any node may show.")
      private List<String> names = new ArrayList<>();
    }

    @Override
    public Integer call() {
      List<String> names = names();
      ClusterSecrets.create(
          folder(), cluster, names, hosts, life(), Instant.now(), new SecureRandom());
      Path client = folder().resolve(ClusterSecrets.CLIENT);
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("folder", folder().toString());
      json.put("cluster", cluster);
      json.put("nodes", names);
      tell(
          List.of(
              "Made the secrets of cluster '" + cluster + "' in " + folder() + ".",
              "  nodes/NAME, router, monitor  for these: security = on, secrets.folder = that",
              "  client                       for you: --ca "
                  + client.resolve("ca.crt")
                  + " --key-file "
                  + client.resolve(ClusterSecrets.ADMINISTRATOR_KEY),
              "  ca                           the authority: keep it off every server"),
          json);
      return ExitCode.OK;
    }

    private List<String> names() {
      if (nodes != null && !nodes.names.isEmpty()) {
        return nodes.names;
      }
      int number = nodes == null || nodes.number == null ? NODES : nodes.number;
      if (number < 1 || number > NODES_MAX) {
        throw new CommandFailure(
            ExitCode.MISUSE, "--nodes " + number + " is outside 1 to " + NODES_MAX);
      }
      return IntStream.range(0, number).mapToObj(ServerPlan::nodeId).toList();
    }
  }

  @Command(
      name = "add",
      description = {
        "Make what one more node needs.",
        "The others know it by their 'curve.known', which is written anew: copy that to them first."
      })
  static final class AddCommand extends OfCertificate {
    @Parameters(index = "1", paramLabel = "NAME", description = "The node's name.")
    private String name = "";

    @Option(
        names = "--host",
        paramLabel = "NAME",
        description = "As in 'security init'; may be given several times.")
    private List<String> hosts = new ArrayList<>();

    @Override
    public Integer call() {
      List<String> changed = secrets().addNode(name, hosts, life(), Instant.now());
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("node", name);
      json.put("changed", changed);
      tell(
          List.of(
              "Made nodes/" + name + ", and wrote curve.known of " + String.join(", ", changed),
              "anew. Copy those first: who is not in them is not let in."),
          json);
      return ExitCode.OK;
    }
  }

  @Command(
      name = "client",
      description = {
        "Make a certificate for a principal, which may show it instead of an API key.",
        "It may do what 'trellis acl grant' gave the principal."
      })
  static final class ClientCommand extends OfCertificate {
    @Parameters(index = "1", paramLabel = "PRINCIPAL", description = "Whose it is to be.")
    private String principal = "";

    @Override
    public Integer call() {
      Path made = secrets().addClient(principal, life(), Instant.now());
      tell(
          List.of("Made " + made + " with ca.crt, tls.crt and tls.key."),
          Map.of("principal", principal, "folder", made.toString()));
      return ExitCode.OK;
    }
  }

  @Command(
      name = "rotate",
      description = {
        "Exchange certificates and keys while the processes run: makes new ones, which are used from"
            + " now on, and former ones are accepted until --finish.",
        "Where processes are on several machines: --prepare, copy; without, copy; --finish, copy."
      },
      footerHeading = "%nExamples:%n",
      footer = {
        "  trellis security rotate secrets --what session            new ones beside the old",
        "  trellis security rotate secrets --what session --finish   the old ones end"
      })
  static final class RotateCommand extends OfFolder {
    @Option(
        names = "--what",
        paramLabel = "WHAT",
        description =
            "ca (and with it all certificates), certificates, curve, session or admin (default: all"
                + " but certificates, which those of the new authority are).")
    private @Nullable String what;

    @Option(
        names = "--prepare",
        description = "Only have the new ones accepted; the next 'rotate' has them used.")
    private boolean prepare;

    @Option(names = "--finish", description = "Have the former ones accepted no more.")
    private boolean finish;

    @Override
    public Integer call() {
      if (prepare && finish) {
        throw new CommandFailure(ExitCode.MISUSE, "--prepare and --finish exclude each other");
      }
      ClusterSecrets secrets = secrets();
      List<String> lines = new ArrayList<>();
      List<String> replaced = new ArrayList<>();
      Map<String, Object> stages = new LinkedHashMap<>();
      for (What one : chosen(secrets)) {
        step(secrets, one, replaced);
        stages.put(word(one), word(secrets.stage(one)));
        lines.add(told(one, secrets.stage(one)));
      }
      if (!replaced.isEmpty()) {
        lines.add(
            "Certificates that are used no more hold until they expire, unless 'trellis acl"
                + " revoke-certificate' ends them: "
                + String.join(", ", replaced));
      }
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("stages", stages);
      json.put("replacedCertificates", replaced);
      tell(lines, json);
      return ExitCode.OK;
    }

    private List<What> chosen(ClusterSecrets secrets) {
      if (what != null) {
        String word = what;
        What one =
            Arrays.stream(What.values())
                .filter(known -> word(known).equals(word))
                .findFirst()
                .orElseThrow(
                    () ->
                        new CommandFailure(
                            ExitCode.MISUSE,
                            "--what "
                                + word
                                + " is none of ca, certificates, curve, session and admin"));
        if (finish && one == What.CERTIFICATES) {
          throw new CommandFailure(
              ExitCode.MISUSE,
              "--what certificates has nothing to finish: former ones hold until they expire, or"
                  + " 'trellis acl revoke-certificate' ends them");
        }
        return List.of(one);
      }
      List<What> all = List.of(What.CA, What.CURVE, What.SESSION, What.ADMIN);
      // Those of which an exchange was begun by itself go on by themselves.
      Stage least = prepare ? Stage.NONE : finish ? Stage.USED : Stage.PREPARED;
      List<What> ready =
          all.stream()
              .filter(
                  one ->
                      secrets.stage(one) == least
                          || (!prepare && !finish && secrets.stage(one) == Stage.NONE))
              .toList();
      if (ready.isEmpty()) {
        throw new CommandFailure(
            ExitCode.REFUSED,
            finish
                ? "no exchange is under way that could be finished; 'security rotate' begins one"
                : "an exchange of everything is under way; see 'security status'");
      }
      return ready;
    }

    private void step(ClusterSecrets secrets, What one, List<String> replaced) {
      Instant now = Instant.now();
      if (finish) {
        secrets.finish(one);
        return;
      }
      if (secrets.stage(one) == Stage.NONE || prepare) {
        secrets.prepare(one, now);
      }
      if (!prepare) {
        replaced.addAll(secrets.use(one, now));
      }
    }

    private String told(What one, Stage stage) {
      return switch (stage) {
        case NONE -> word(one) + ": the new ones are used, and no others accepted";
        case PREPARED -> word(one) + ": new ones are accepted, the former ones still used";
        case USED -> word(one) + ": the new ones are used, the former ones accepted until --finish";
      };
    }
  }

  private static String word(Enum<?> word) {
    return word.name().toLowerCase(Locale.ROOT);
  }

  @Command(
      name = "status",
      description = {
        "Tell which certificates there are and when they end, and what is open to others that should"
            + " not be.",
        "Exits with 1 if something needs care: a certificate ends within 30 days, or something is too"
            + " open."
      })
  static final class StatusCommand extends OfFolder {
    @Override
    public Integer call() {
      ClusterSecrets secrets = secrets();
      Instant now = Instant.now();
      List<String> lines = new ArrayList<>();
      List<Object> certificates = new ArrayList<>();
      boolean needsCare = false;
      lines.add("cluster " + secrets.cluster());
      for (ClusterSecrets.Held held : secrets.certificates()) {
        Optional<String> care = care(held.expires(), now);
        needsCare |= care.isPresent();
        lines.add(
            "%-24s until %s  %s%s"
                .formatted(
                    held.name(),
                    DAY.format(held.expires()),
                    held.serialHex(),
                    care.map(text -> "  " + text).orElse("")));
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("name", held.name());
        json.put("uri", held.uri());
        json.put("serial", held.serialHex());
        json.put("expires", held.expires().toString());
        certificates.add(json);
      }
      Map<String, Object> rotation = new LinkedHashMap<>();
      for (What what : What.values()) {
        Stage stage = secrets.stage(what);
        if (stage != Stage.NONE) {
          rotation.put(word(what), word(stage));
          lines.add("exchange of " + word(what) + ": " + word(stage));
        }
      }
      List<String> open = secrets.tooOpen().stream().map(Path::toString).toList();
      open.forEach(path -> lines.add("too open: " + (path.isEmpty() ? "." : path)));
      needsCare |= !open.isEmpty();
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("cluster", secrets.cluster());
      json.put("certificates", certificates);
      json.put("rotation", rotation);
      json.put("tooOpen", open);
      tell(lines, json);
      return needsCare ? ExitCode.NEGATIVE : ExitCode.OK;
    }

    private static Optional<String> care(Instant expires, Instant now) {
      if (!expires.isAfter(now)) {
        return Optional.of("HAS EXPIRED");
      }
      return expires.isAfter(now.plus(SOON))
          ? Optional.empty()
          : Optional.of("ends in " + Duration.between(now, expires).toDays() + " days");
    }
  }
}
