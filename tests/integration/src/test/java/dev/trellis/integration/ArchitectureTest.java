package dev.trellis.integration;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.methods;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.AccessTarget;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMethod;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.time.Clock;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// The arrows between packages, most of them absences: who knows no clock, no network, no
/// neighbour. Each rule is also shown a small tree of packages that breaks it (`broken`), so that a
/// rule that could never fail shows.
class ArchitectureTest {
  private static final String ROOT = "dev.trellis";
  private static final String BROKEN_ROOT = "dev.trellis.integration.broken";

  private static final JavaClasses PRODUCT =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .withImportOption(location -> !location.contains("/adapters/dapr/wire/")) // protoc's code
          .importPackages(ROOT);
  private static final JavaClasses BROKEN = new ClassFileImporter().importPackages(BROKEN_ROOT);

  /// What a pure package may not even mention. ThreadLocalRandom is none of it: the balance of
  /// PersistentMap comes from chance, and never shows.
  private static final String[] OUTSIDE_WORLD = {
    "java.io..",
    "java.net..",
    "java.nio.channels..",
    "java.nio.file..",
    "java.util.logging..",
    "java.util.concurrent.atomic..",
    "java.util.concurrent.locks..",
    "io.netty..",
    "org.slf4j..",
    "org.zeromq..",
    "io.scalecube..",
    "org.lmdbjava..",
    "com.typesafe..",
    "io.prometheus.."
  };

  private static final Set<String> CLOCKS =
      Set.of(
          "java.lang.System.currentTimeMillis",
          "java.lang.System.nanoTime",
          "java.time.Instant.now",
          "java.time.LocalDateTime.now",
          "java.time.LocalDate.now",
          "java.time.LocalTime.now",
          "java.time.ZonedDateTime.now",
          "java.time.OffsetDateTime.now");

  /// The packages of the product, and what others of them each may use, in the order of the arrows.
  /// What is not listed may not be used.
  private static final String[][] ARROWS = {
    {"causal"},
    {"lattice", "causal"},
    {"placement", "causal", "lattice", "wire"},
    {"wire", "causal", "lattice"},
    {"execution", "causal", "lattice", "wire"},
    {"access", "lattice"},
    {"process", "access", "lattice"},
    {"client", "access", "execution", "causal", "lattice", "placement", "wire"},
    {"cache", "client", "execution", "causal", "lattice", "wire"},
    {"functions", "client", "execution", "causal", "lattice", "wire"},
    {"adapters", "cli", "functions", "client", "causal", "lattice", "wire"},
    {"cli", "access", "functions", "client", "causal", "lattice", "placement", "wire"},
    {"node", "access", "client", "process", "execution", "causal", "lattice", "placement", "wire"},
    {"routing", "access", "client", "process", "causal", "lattice", "placement", "wire"},
    {
      "monitor",
      "access",
      "client",
      "functions",
      "cli",
      "process",
      "causal",
      "lattice",
      "placement",
      "wire"
    },
    {"history", "cli"},
  };

  /// Packages for tests and benchmarks: nothing of the product depends on them.
  private static final String[] TESTS = {
    "simulation",
    "faults",
    "history",
    "bench",
    "plot",
    "casestudy",
    "junit",
    "integration",
    "testing"
  };

  @Test
  void latticesCausalityPlacementAndTheShardDoNoInputOrOutput() {
    check(
        root ->
            noClasses()
                .that(arePure(root))
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(OUTSIDE_WORLD));
  }

  @Test
  void latticesCausalityPlacementAndTheShardReadNoClock() {
    check(
        root ->
            noClasses()
                .that(arePure(root))
                .should()
                .accessTargetWhere(
                    new DescribedPredicate<>("read a clock") {
                      @Override
                      public boolean test(JavaAccess<?> access) {
                        AccessTarget target = access.getTarget();
                        return CLOCKS.contains(
                            target.getOwner().getFullName() + "." + target.getName());
                      }
                    })
                .orShould()
                .dependOnClassesThat()
                .areAssignableTo(Clock.class));
  }

  @Test
  void latticesCausalityPlacementAndTheShardKnowNoThread() {
    check(
        root ->
            noClasses()
                .that(arePure(root))
                .should()
                .dependOnClassesThat()
                .areAssignableTo(Thread.class)
                .orShould()
                .dependOnClassesThat()
                .areAssignableTo(Executor.class)
                .orShould()
                .dependOnClassesThat()
                .areAssignableTo(Future.class));
  }

  /// The shard sees the store behind its interface, who is a member, and of other modules only what
  /// two processes must agree on.
  @Test
  void theShardKnowsOnlyItsStoreAndWhatTwoProcessesAgreeOn() {
    check(
        root ->
            noClasses()
                .that()
                .resideInAPackage(root + ".node.shard..")
                .should()
                .dependOnClassesThat(
                    resideInAPackage(root + "..")
                        .and(
                            DescribedPredicate.not(
                                resideInAnyPackage(
                                    root + ".node.shard..",
                                    root + ".node.store..",
                                    root + ".node.membership..",
                                    root + ".access..",
                                    root + ".execution..",
                                    root + ".wire..",
                                    root + ".lattice..",
                                    root + ".causal..",
                                    root + ".placement..")))));
  }

  @Test
  void onlyTheCodecsKnowProtobuf() {
    // Dapr speaks Protobuf, and not ours.
    check(
        root ->
            only(
                List.of(root + ".wire..", root + ".adapters.dapr.."),
                root + "..",
                "com.google.protobuf.."));
  }

  @Test
  void inANodeOnlyTheDataPlaneKnowsNetty() {
    check(root -> only(root + ".node.net..", root + ".node..", "io.netty.."));
  }

  /// No fixture breaks these; the rule is the same as for Netty. Reactor comes with ScaleCube.
  @Test
  void onlyOnePackageKnowsEachOfJeroMqAndScaleCubeLmdbClojureAndKubernetes() {
    only(ROOT + ".node.control..", ROOT + ".node..", "org.zeromq..", "io.scalecube..", "reactor..")
        .check(PRODUCT);
    only(ROOT + ".monitor.statistics..", ROOT + ".monitor..", "org.zeromq..").check(PRODUCT);
    only(ROOT + ".node.store..", ROOT + "..", "org.lmdbjava..").check(PRODUCT);
    only(ROOT + ".history.knossos..", ROOT + "..", "clojure..").check(PRODUCT);
    only(ROOT + ".monitor.kubernetes..", ROOT + "..", "io.fabric8..").check(PRODUCT);
  }

  @Test
  void packagesUseOnlyThoseTheyMayAndNeverThoseOfTests() {
    for (String[] arrows : ARROWS) {
      mayUse(ROOT, arrows).check(PRODUCT);
    }
    assertBroken(mayUse(BROKEN_ROOT, new String[] {"client", "wire"}));
  }

  private static ArchRule mayUse(String root, String[] arrows) {
    String[] allowed =
        Arrays.stream(arrows).map(name -> root + "." + name + "..").toArray(String[]::new);
    return noClasses()
        .that()
        .resideInAPackage(allowed[0])
        .should()
        .dependOnClassesThat(
            resideInAPackage(root + "..").and(DescribedPredicate.not(resideInAnyPackage(allowed))))
        .as(arrows[0] + " uses nothing of ours but " + Arrays.toString(arrows));
  }

  /// The launcher starts everything, and so may know everything, but for the tests, whose commands
  /// it finds without naming them.
  @Test
  void nothingDependsOnTests() {
    String[] tests = Arrays.stream(TESTS).map(name -> "." + name + "..").toArray(String[]::new);
    check(
        root ->
            noClasses()
                .that(
                    resideInAPackage(root + "..")
                        .and(DescribedPredicate.not(resideInAnyPackage(prefixed(root, tests)))))
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(prefixed(root, tests)));
  }

  private static String[] prefixed(String root, String[] packages) {
    return Arrays.stream(packages).map(name -> root + name).toArray(String[]::new);
  }

  @Test
  void packagesOfOneModuleDoNotGoRoundInCircles() {
    check(root -> slices().matching(root + ".(*)..").should().beFreeOfCycles());
    check(root -> slices().matching(root + ".node.(*)..").should().beFreeOfCycles());
  }

  @Test
  void namesSayWhatAThingIs() {
    check(
        root ->
            noClasses()
                .that()
                .resideInAPackage(root + "..")
                .should()
                .haveSimpleNameEndingWith("Impl")
                .orShould()
                .haveSimpleNameEndingWith("Manager")
                .orShould()
                .haveSimpleNameEndingWith("Util")
                .orShould()
                .haveSimpleNameEndingWith("Utils"));
  }

  /// In the client, `get` is what it asks of the store, not an accessor.
  @Test
  void accessorsAreNamedForWhatTheyReturn() {
    check(
        root ->
            methods()
                .that()
                .areDeclaredInClassesThat()
                .resideOutsideOfPackage(root + ".client..")
                .and()
                .arePublic()
                .should(notBeAGetter()));
  }

  private static ArchCondition<JavaMethod> notBeAGetter() {
    return new ArchCondition<>("have no `get` prefix unless they override one that has") {
      @Override
      public void check(JavaMethod method, ConditionEvents events) {
        boolean getter =
            method.getName().matches("get\\p{Upper}.*") && method.getRawParameterTypes().isEmpty();
        boolean satisfied =
            !getter || method.getModifiers().contains(JavaModifier.BRIDGE) || overrides(method);
        events.add(
            new SimpleConditionEvent(
                method, satisfied, method.getFullName() + " is an accessor with a prefix"));
      }
    };
  }

  private static boolean overrides(JavaMethod method) {
    JavaClass owner = method.getOwner();
    return Stream.concat(
            owner.getAllRawSuperclasses().stream(), owner.getAllRawInterfaces().stream())
        .anyMatch(parent -> parent.tryGetMethod(method.getName()).isPresent());
  }

  private static DescribedPredicate<JavaClass> arePure(String root) {
    return resideInAnyPackage(
        root + ".lattice..",
        root + ".causal..",
        root + ".placement..",
        root + ".execution..",
        root + ".node.shard..",
        root + ".monitor.policy..");
  }

  /// Within `scope`, only `home` uses the libraries.
  private static ArchRule only(String home, String scope, String... libraries) {
    return only(List.of(home), scope, libraries);
  }

  private static ArchRule only(List<String> homes, String scope, String... libraries) {
    String[] all = homes.toArray(String[]::new);
    return noClasses()
        .that(resideInAPackage(scope).and(DescribedPredicate.not(resideInAnyPackage(all))))
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(libraries);
  }

  /// Holds the product to the rule, and the rule to finding what is wrong in the broken packages.
  private static void check(Function<String, ArchRule> rule) {
    rule.apply(ROOT).check(PRODUCT);
    assertBroken(rule.apply(BROKEN_ROOT));
  }

  private static void assertBroken(ArchRule rule) {
    assertTrue(
        rule.allowEmptyShould(true).evaluate(BROKEN).hasViolation(),
        () -> "finds nothing wrong where something is: " + rule.getDescription());
  }
}
