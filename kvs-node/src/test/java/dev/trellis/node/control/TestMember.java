package dev.trellis.node.control;

import static org.junit.jupiter.api.Assertions.fail;

import dev.trellis.node.config.ClusterConfig;
import dev.trellis.node.membership.Incarnation;
import dev.trellis.node.membership.MembershipView;
import dev.trellis.node.membership.ShardProgress;
import dev.trellis.process.AuditLog;
import dev.trellis.process.CurveKeys;
import dev.trellis.process.Secrets;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Stream;

/// One membership without a node around it, on loopback.
final class TestMember implements AutoCloseable {
  private static final AtomicLong INCARNATIONS = new AtomicLong(System.nanoTime());
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  /// How a member differs from others.
  static final class Plan {
    final String id;
    List<String> seeds = List.of();
    int port;
    String cluster = "test";
    int version = Envelope.VERSION;
    int faultTolerance = 1;
    Tier tier = Tier.MEMORY;
    Duration clockOffset = Duration.ZERO;
    Duration ping = Duration.ofMillis(50);
    Duration suspect = Duration.ofMillis(300);
    Duration remove = Duration.ofSeconds(1);
    Resolver resolver = Resolver.SYSTEM;
    Optional<Path> folder = Optional.empty();
    Optional<Secrets> secrets = Optional.empty();

    Plan(String id) {
      this.id = id;
    }

    Plan seeds(TestMember... members) {
      seeds = List.of(members).stream().map(TestMember::address).toList();
      return this;
    }

    Plan seeds(String... addresses) {
      seeds = List.of(addresses);
      return this;
    }

    Plan port(int taken) {
      port = taken;
      return this;
    }

    Plan cluster(String name) {
      cluster = name;
      return this;
    }

    Plan version(int spoken) {
      version = spoken;
      return this;
    }

    Plan clockOffset(Duration offset) {
      clockOffset = offset;
      return this;
    }

    Plan tier(Tier other) {
      tier = other;
      return this;
    }

    /// Remembers from one start to the next.
    Plan folder(Path data) {
      folder = Optional.of(data);
      return this;
    }

    /// Has security on.
    Plan secrets(Secrets own) {
      secrets = Optional.of(own);
      return this;
    }

    Plan resolver(Resolver other) {
      resolver = other;
      return this;
    }

    Plan defaultTimes() {
      ping = Duration.ofMillis(200);
      suspect = Duration.ofMillis(800);
      remove = Duration.ofMillis(4_500);
      return this;
    }

    TestMember start() {
      return new TestMember(this);
    }
  }

  final ControlTallies tallies = new ControlTallies();
  final ControlSocket socket;
  final ClusterMembership membership;
  final NodeDescriptor self;
  final List<Duration> leases = new CopyOnWriteArrayList<>(); // of merges by clients
  final CompletableFuture<Void> asked = new CompletableFuture<>(); // to leave
  private final Set<String> cut = ConcurrentHashMap.newKeySet();

  private TestMember(Plan plan) {
    InetAddress loopback = InetAddress.getLoopbackAddress();
    socket =
        ControlSocket.bind(loopback, plan.port, plan.id, tallies, plan.resolver, protection(plan));
    Optional<MemberFile> file =
        plan.folder.map(
            folder -> MemberFile.open(folder, plan.cluster, plan.id, plan.tier == Tier.SSD));
    State state = file.map(MemberFile::stateAtStart).orElse(State.JOINING);
    self =
        new NodeDescriptor(
            plan.id,
            plan.tier,
            "127.0.0.1",
            List.of(1),
            2,
            INCARNATIONS.incrementAndGet(),
            1,
            state,
            "zone-" + plan.id,
            socket.port());
    file.ifPresent(remembered -> remembered.begin(self.incarnation()));
    Predicate<String> reaches = address -> !cut.contains(address);
    InstantSource clock = InstantSource.offset(InstantSource.system(), plan.clockOffset);
    ClusterConfig config =
        new ClusterConfig(
            "",
            plan.seeds,
            Optional.empty(),
            Optional.of(0),
            plan.faultTolerance,
            plan.ping,
            plan.suspect,
            plan.remove,
            Duration.ofSeconds(30));
    NodeOrders orders =
        new NodeOrders() {
          @Override
          public List<ShardProgress> progress() {
            return List.of(new ShardProgress(3, 16384, 2, 1));
          }

          @Override
          public void leave() {
            asked.complete(null);
          }

          @Override
          public Optional<String> beginBackup(Path folder) {
            return Optional.of("has no disk");
          }

          @Override
          public BackupProgress backup() {
            return BackupProgress.NONE;
          }

          @Override
          public void admitMerges(Duration lease) {
            leases.add(lease);
          }
        };
    membership =
        ClusterMembership.start(
            new ClusterMembership.Settings(
                plan.cluster,
                config,
                Duration.ofMillis(500),
                clock,
                plan.version,
                plan.resolver,
                reaches,
                file,
                plan.secrets.map(_ -> new AuditLog("node " + plan.id, clock))),
            socket,
            tallies,
            self,
            started -> new Orders(started, plan.cluster, self, orders)::carryOut);
  }

  private static Optional<ControlProtection> protection(Plan plan) {
    return plan.secrets.map(
        own ->
            new ControlProtection(
                CurveKeys.ofServer(own), new AuditLog("node " + plan.id, InstantSource.system())));
  }

  static Plan plan(String id) {
    return new Plan(id);
  }

  String address() {
    return membership.address();
  }

  int port() {
    return self.controlPort();
  }

  Incarnation incarnation() {
    return Incarnation.of(self);
  }

  MembershipView view() {
    return membership.view();
  }

  List<Incarnation> incarnations() {
    return view().topology().members().stream().map(Incarnation::of).toList();
  }

  State stateOf(String id) {
    return view().topology().member(id).orElseThrow().state();
  }

  /// Sends nothing to these from now on.
  void cutOff(TestMember... others) {
    for (TestMember other : others) {
      cut.add(other.address());
    }
  }

  void reconnect() {
    cut.clear();
  }

  /// Waits until members see just each other.
  static void awaitTogether(TestMember... members) {
    List<Incarnation> all =
        Stream.of(members)
            .map(TestMember::incarnation)
            .sorted(Comparator.comparing(Incarnation::nodeId))
            .toList();
    await(
        () ->
            List.of(members).stream()
                .allMatch(
                    member ->
                        member.incarnations().equals(all) && member.view().suspected().isEmpty()),
        () ->
            "wanted "
                + all
                + " but see "
                + List.of(members).stream().map(TestMember::view).toList());
  }

  /// Announces that they are all active, and waits until each knows it.
  static void activate(TestMember... members) {
    for (TestMember member : members) {
      member.membership.announce(State.ACTIVE);
    }
    await(
        () -> List.of(members).stream().allMatch(member -> member.view().isSettled()),
        () -> "not settled: " + List.of(members).stream().map(TestMember::view).toList());
  }

  static void await(BooleanSupplier condition, Supplier<String> complaint) {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        fail(complaint.get());
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(2));
    }
  }

  /// Ends without a word.
  void die() {
    membership.close();
  }

  @Override
  public void close() {
    membership.close();
  }
}
