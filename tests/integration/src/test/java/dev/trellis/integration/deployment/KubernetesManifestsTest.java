package dev.trellis.integration.deployment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.trellis.node.config.NodeConfig;
import dev.trellis.process.StrictConfig;
import dev.trellis.routing.RouterConfig;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.ContainerPort;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.IntOrString;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.Probe;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.api.model.ServicePort;
import io.fabric8.kubernetes.api.model.TopologySpreadConstraint;
import io.fabric8.kubernetes.api.model.Volume;
import io.fabric8.kubernetes.api.model.VolumeMount;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyIngressRule;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyPort;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import io.fabric8.kubernetes.api.model.rbac.Role;
import io.fabric8.kubernetes.api.model.rbac.RoleBinding;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// The manifests against Kubernetes' models, each other, and the programs that they run.
class KubernetesManifestsTest {
  private static final Path KUBERNETES = Tree.DEPLOY.resolve("kubernetes");
  private static final Path BASE = KUBERNETES.resolve("base");
  private static final Path EXAMPLE = KUBERNETES.resolve("overlays/example");

  private static final List<HasMetadata> OBJECTS = Manifests.ofKustomization(BASE);

  private static <T extends HasMetadata> List<T> all(Class<T> kind) {
    return OBJECTS.stream().filter(kind::isInstance).map(kind::cast).toList();
  }

  private static <T extends HasMetadata> T named(Class<T> kind, String name) {
    return all(kind).stream()
        .filter(one -> one.getMetadata().getName().equals(name))
        .findFirst()
        .orElseThrow(() -> new AssertionError("there is no " + kind.getSimpleName() + " " + name));
  }

  private static String nameOf(HasMetadata object) {
    return object.getKind() + " " + object.getMetadata().getName();
  }

  private static Map<String, PodTemplateSpec> templates() {
    Map<String, PodTemplateSpec> templates = new HashMap<>();
    all(StatefulSet.class).forEach(set -> templates.put(nameOf(set), set.getSpec().getTemplate()));
    all(Deployment.class).forEach(set -> templates.put(nameOf(set), set.getSpec().getTemplate()));
    return templates;
  }

  private static List<PodSpec> pods() {
    return templates().values().stream().map(PodTemplateSpec::getSpec).toList();
  }

  private static Container container(PodSpec pod) {
    assertEquals(1, pod.getContainers().size());
    return pod.getContainers().getFirst();
  }

  private static boolean selects(Map<String, String> selector, Map<String, String> labels) {
    return labels.entrySet().containsAll(selector.entrySet());
  }

  private static List<PodTemplateSpec> selected(Map<String, String> selector) {
    return templates().values().stream()
        .filter(template -> selects(selector, template.getMetadata().getLabels()))
        .toList();
  }

  private static Set<String> portNames(PodTemplateSpec template) {
    return container(template.getSpec()).getPorts().stream()
        .map(ContainerPort::getName)
        .collect(Collectors.toSet());
  }

  @Test
  void everyFieldOfEveryManifestIsOneThatKubernetesHas() {
    List<String> unknown = new ArrayList<>();
    int objects = 0;
    for (Path file : Tree.files(KUBERNETES, ".yaml")) {
      if (file.endsWith("kustomization.yaml") || file.endsWith("servicemonitor.yaml")) {
        continue; // of kinds that are not Kubernetes' own: see below
      }
      for (HasMetadata object : Manifests.read(file)) {
        objects++;
        unknown.addAll(Manifests.unknownFields(object));
      }
    }
    assertEquals(List.of(), unknown);
    assertTrue(objects > 15, "only " + objects + " were looked at");
  }

  @Test
  void aFieldThatKubernetesDoesNotHaveIsFound() {
    String wrong =
        Tree.read(BASE.resolve("ssd.yaml"))
            .replace("readOnlyRootFilesystem", "readonlyRootFilesystem")
            .replace("podManagementPolicy", "podManagmentPolicy");
    List<String> unknown =
        Manifests.parse(wrong).stream()
            .flatMap(object -> Manifests.unknownFields(object).stream())
            .sorted()
            .toList();
    assertEquals(
        List.of(
            "StatefulSet trellis-ssd.Spec.Template.Spec.Containers[0].SecurityContext"
                + ".readonlyRootFilesystem",
            "StatefulSet trellis-ssd.Spec.podManagmentPolicy"),
        unknown);
  }

  @Test
  void theKustomizationsNameAllFilesAndOnlyFilesThatAreThere() {
    for (Path kustomization : Tree.files(KUBERNETES, "kustomization.yaml")) {
      Path folder = kustomization.getParent();
      Map<String, Object> read = Manifests.plain(kustomization);
      Set<String> known =
          Set.of(
              "apiVersion",
              "kind",
              "namespace",
              "labels",
              "resources",
              "components",
              "images",
              "configMapGenerator",
              "patches");
      assertTrue(known.containsAll(read.keySet()), () -> kustomization + " has " + read.keySet());
      Set<Path> named = new HashSet<>();
      for (String key : List.of("resources", "components")) {
        for (Object path : Manifests.list(read.get(key))) {
          Path file = folder.resolve((String) path).normalize();
          assertTrue(file.toFile().exists(), () -> kustomization + " names " + path);
          named.add(file);
        }
      }
      for (Object patch : Manifests.list(read.get("patches"))) {
        named.add(folder.resolve((String) ((Map<?, ?>) patch).get("path")));
      }
      Set<Path> there = new HashSet<>(Tree.files(folder, ".yaml"));
      there.remove(kustomization);
      there.removeAll(named);
      assertEquals(Set.of(), there, () -> kustomization + " does not name them");
    }
  }

  @Test
  void whatKubectlMakesOfTheExampleIsWhole() throws Exception {
    assumeTrue(Command.isInstalled("kubectl"), "there is no kubectl on this machine");
    String made = Command.run(EXAMPLE, "kubectl", "kustomize", ".");
    List<HasMetadata> objects = Manifests.parse(made);
    Map<String, ConfigMap> maps = new HashMap<>();
    for (HasMetadata object : objects) {
      if (!(object instanceof GenericKubernetesResource)) {
        assertEquals(List.of(), Manifests.unknownFields(object));
      }
      if (object instanceof ConfigMap map) {
        maps.put(map.getMetadata().getName(), map);
      }
    }
    for (HasMetadata object : objects) {
      if (object instanceof StatefulSet set) {
        for (Volume volume : set.getSpec().getTemplate().getSpec().getVolumes()) {
          if (volume.getConfigMap() != null) {
            assertTrue(maps.containsKey(volume.getConfigMap().getName()), volume::toString);
          }
        }
      }
      if (object instanceof Role role) {
        assertEquals(
            List.of("trellis-memory", "trellis-ssd"),
            role.getRules().getFirst().getResourceNames(),
            "names of ConfigMaps are changed wherever they stand");
      }
    }
    assertTrue(
        maps.values().stream()
            .anyMatch(map -> map.getData().toString().contains("memory.max = 10GiB")));
  }

  @Test
  void theShellOfAdministratorsReachesTheClusterAndIsNoPartOfIt() {
    Pod pod = (Pod) Manifests.read(KUBERNETES.resolve("client.yaml")).getFirst();
    Map<String, String> labels = pod.getMetadata().getLabels();
    for (String policy : List.of("trellis-storage-clients", "trellis-storage-operators")) {
      Map<String, String> admitted =
          named(NetworkPolicy.class, policy)
              .getSpec()
              .getIngress()
              .getFirst()
              .getFrom()
              .getFirst()
              .getPodSelector()
              .getMatchLabels();
      assertTrue(labels.entrySet().containsAll(admitted.entrySet()), policy);
    }
    assertEquals(false, pod.getSpec().getAutomountServiceAccountToken());
    assertEquals(true, pod.getSpec().getSecurityContext().getRunAsNonRoot());
    Container container = container(pod.getSpec());
    assertEquals(true, container.getSecurityContext().getReadOnlyRootFilesystem());
    Map<String, String> environment =
        container.getEnv().stream().collect(Collectors.toMap(EnvVar::getName, EnvVar::getValue));
    Service router = named(Service.class, "trellis-router");
    int data =
        router.getSpec().getPorts().stream()
            .filter(port -> port.getName().equals("data"))
            .mapToInt(ServicePort::getPort)
            .findFirst()
            .orElseThrow();
    assertEquals("trellis-router:" + data, environment.get("TRELLIS_ADDRESS"));
    String secrets =
        container.getVolumeMounts().stream()
            .filter(mount -> mount.getName().equals("secrets"))
            .map(VolumeMount::getMountPath)
            .findFirst()
            .orElseThrow();
    assertEquals(secrets + "/ca.crt", environment.get("TRELLIS_CA"));
    assertEquals(secrets + "/admin.key", environment.get("TRELLIS_API_KEY_FILE"));
    assertTrue(
        container.getVolumeMounts().stream()
            .anyMatch(mount -> mount.getMountPath().equals(environment.get("TRELLIS_HOME"))),
        "the shell keeps its history where it can write");
  }

  @Test
  void generatedNamesAreThoseOfNothingElse() {
    Set<String> others = new HashSet<>();
    OBJECTS.stream()
        .filter(object -> !(object instanceof ConfigMap))
        .forEach(object -> others.add(object.getMetadata().getName()));
    for (ConfigMap map : all(ConfigMap.class)) {
      assertFalse(others.contains(map.getMetadata().getName()), () -> nameOf(map));
    }
  }

  @Test
  void selectorsMatchTheLabelsOfPods() {
    for (StatefulSet set : all(StatefulSet.class)) {
      assertTrue(
          selects(
              set.getSpec().getSelector().getMatchLabels(),
              set.getSpec().getTemplate().getMetadata().getLabels()),
          () -> nameOf(set));
      assertEquals(1, selected(set.getSpec().getSelector().getMatchLabels()).size());
      Service headless = named(Service.class, set.getSpec().getServiceName());
      assertEquals("None", headless.getSpec().getClusterIP());
      assertTrue(headless.getSpec().getPublishNotReadyAddresses());
    }
    for (Deployment set : all(Deployment.class)) {
      assertTrue(
          selects(
              set.getSpec().getSelector().getMatchLabels(),
              set.getSpec().getTemplate().getMetadata().getLabels()),
          () -> nameOf(set));
      assertEquals(1, selected(set.getSpec().getSelector().getMatchLabels()).size());
    }
    for (Service service : all(Service.class)) {
      assertEquals(1, selected(service.getSpec().getSelector()).size(), () -> nameOf(service));
    }
    for (PodDisruptionBudget budget : all(PodDisruptionBudget.class)) {
      Map<String, String> selector = budget.getSpec().getSelector().getMatchLabels();
      assertFalse(selected(selector).isEmpty(), () -> nameOf(budget));
    }
    for (NetworkPolicy policy : all(NetworkPolicy.class)) {
      Map<String, String> selector = policy.getSpec().getPodSelector().getMatchLabels();
      assertFalse(selected(selector).isEmpty(), () -> nameOf(policy));
    }
    for (PodSpec pod : pods()) {
      for (TopologySpreadConstraint spread : pod.getTopologySpreadConstraints()) {
        assertFalse(selected(spread.getLabelSelector().getMatchLabels()).isEmpty());
      }
    }
  }

  @Test
  void bothTiersAreSpreadAndTakenAwayTogether() {
    Map<String, String> storage = Map.of("trellis.dev/storage", "true");
    assertEquals(2, selected(storage).size());
    PodDisruptionBudget budget = named(PodDisruptionBudget.class, "trellis-storage");
    assertEquals(storage, budget.getSpec().getSelector().getMatchLabels());
    for (String tier : List.of("memory", "ssd")) {
      NodeConfig config = nodeConfig(tier);
      assertEquals(
          new IntOrString(config.cluster().faultTolerance()), budget.getSpec().getMaxUnavailable());
      StatefulSet set = named(StatefulSet.class, "trellis-" + tier);
      TopologySpreadConstraint machines =
          set.getSpec().getTemplate().getSpec().getTopologySpreadConstraints().getFirst();
      assertEquals("kubernetes.io/hostname", machines.getTopologyKey());
      assertEquals("DoNotSchedule", machines.getWhenUnsatisfiable());
      assertEquals(storage, machines.getLabelSelector().getMatchLabels());
    }
  }

  /// StatefulSets do not wait for each other, so that of two there would be a node of each away.
  @Test
  void aNewImageRestartsNoMoreThanOneTierByItself() {
    List<String> byThemselves =
        all(StatefulSet.class).stream()
            .filter(
                set ->
                    set.getSpec().getUpdateStrategy() == null
                        || !"OnDelete".equals(set.getSpec().getUpdateStrategy().getType()))
            .map(set -> nameOf(set))
            .toList();
    assertEquals(List.of("StatefulSet trellis-memory"), byThemselves);
  }

  @Test
  void portsOfServicesProbesAndPoliciesAreThoseOfContainers() {
    for (Service service : all(Service.class)) {
      Container container =
          container(selected(service.getSpec().getSelector()).getFirst().getSpec());
      for (ServicePort port : service.getSpec().getPorts()) {
        ContainerPort target =
            container.getPorts().stream()
                .filter(one -> one.getName().equals(port.getTargetPort().getStrVal()))
                .findFirst()
                .orElseThrow(() -> new AssertionError(nameOf(service) + " names " + port));
        assertEquals(port.getName(), target.getName());
        assertEquals(port.getPort(), target.getContainerPort());
      }
    }
    templates()
        .forEach(
            (name, template) -> {
              Container container = container(template.getSpec());
              for (Probe probe :
                  List.of(container.getStartupProbe(), container.getLivenessProbe())) {
                assertEquals("/healthz", probe.getHttpGet().getPath(), name);
                assertEquals("admin", probe.getHttpGet().getPort().getStrVal(), name);
                assertEquals("HTTPS", probe.getHttpGet().getScheme(), name);
              }
              assertEquals("/readyz", container.getReadinessProbe().getHttpGet().getPath(), name);
              assertEquals("HTTPS", container.getReadinessProbe().getHttpGet().getScheme(), name);
              assertTrue(portNames(template).contains("admin"), name);
            });
    for (NetworkPolicy policy : all(NetworkPolicy.class)) {
      Map<String, String> selector = policy.getSpec().getPodSelector().getMatchLabels();
      for (NetworkPolicyIngressRule rule : policy.getSpec().getIngress()) {
        for (NetworkPolicyPort port : rule.getPorts()) {
          for (PodTemplateSpec template : selected(selector)) {
            assertTrue(
                portNames(template).contains(port.getPort().getStrVal()), () -> nameOf(policy));
          }
        }
      }
    }
  }

  @Test
  void volumesAndMountsAndConfigMapsBelongTogether() {
    for (StatefulSet set : all(StatefulSet.class)) {
      List<String> claims =
          set.getSpec().getVolumeClaimTemplates().stream()
              .map(PersistentVolumeClaim::getMetadata)
              .map(metadata -> metadata.getName())
              .toList();
      checkVolumes(nameOf(set), set.getSpec().getTemplate().getSpec(), claims);
    }
    for (Deployment set : all(Deployment.class)) {
      checkVolumes(nameOf(set), set.getSpec().getTemplate().getSpec(), List.of());
    }
  }

  private static void checkVolumes(String owner, PodSpec pod, List<String> claims) {
    Container container = container(pod);
    Set<String> volumes = new TreeSet<>(claims);
    pod.getVolumes().forEach(volume -> volumes.add(volume.getName()));
    Set<String> mounted =
        container.getVolumeMounts().stream()
            .map(VolumeMount::getName)
            .collect(Collectors.toCollection(TreeSet::new));
    assertEquals(volumes, mounted, owner);
    String config = container.getArgs().getLast();
    Volume settings =
        pod.getVolumes().stream()
            .filter(volume -> volume.getConfigMap() != null)
            .findFirst()
            .orElseThrow();
    ConfigMap map = named(ConfigMap.class, settings.getConfigMap().getName());
    assertEquals(
        Set.of(config), Set.of("/etc/trellis/" + map.getData().keySet().iterator().next()), owner);
  }

  @Test
  void everyContainerRunsAsNobodyAndWritesOnlyToItsVolumes() {
    templates()
        .forEach(
            (name, template) -> {
              PodSpec pod = template.getSpec();
              Container container = container(pod);
              assertTrue(pod.getSecurityContext().getRunAsNonRoot(), name);
              assertEquals(
                  "RuntimeDefault", pod.getSecurityContext().getSeccompProfile().getType(), name);
              assertTrue(container.getSecurityContext().getReadOnlyRootFilesystem(), name);
              assertFalse(container.getSecurityContext().getAllowPrivilegeEscalation(), name);
              assertEquals(
                  List.of("ALL"), container.getSecurityContext().getCapabilities().getDrop(), name);
              // Netty and LMDB unpack what is native there.
              assertTrue(
                  container.getVolumeMounts().stream()
                      .anyMatch(mount -> mount.getMountPath().equals("/tmp")),
                  name);
              assertTrue(container.getResources().getRequests().containsKey("cpu"), name);
              assertEquals(
                  container.getResources().getRequests().get("memory"),
                  container.getResources().getLimits().get("memory"),
                  name);
            });
  }

  @Test
  void noVariableThatKubernetesAddsIsTakenForASetting() {
    templates()
        .forEach(
            (name, template) ->
                assertEquals(false, template.getSpec().getEnableServiceLinks(), name));
  }

  @Test
  void howManyNodesThereAreIsLeftToTheMonitor() {
    for (StatefulSet set : all(StatefulSet.class)) {
      assertNull(set.getSpec().getReplicas(), () -> nameOf(set));
    }
    // Each begins with one.
    int founders = all(StatefulSet.class).size();
    for (String tier : List.of("memory", "ssd")) {
      assertEquals(Optional.of(founders), nodeConfig(tier).cluster().foundersWanted());
      assertTrue(nodeConfig(tier).cluster().faultTolerance() < founders);
    }
  }

  @Test
  void thereIsTimeToStop() {
    for (String tier : List.of("memory", "ssd")) {
      PodSpec pod = named(StatefulSet.class, "trellis-" + tier).getSpec().getTemplate().getSpec();
      Duration grace = Duration.ofSeconds(pod.getTerminationGracePeriodSeconds());
      assertTrue(grace.compareTo(nodeConfig(tier).stopTimeout().multipliedBy(2)) > 0);
    }
    PodSpec router = named(Deployment.class, "trellis-router").getSpec().getTemplate().getSpec();
    assertTrue(
        router.getTerminationGracePeriodSeconds()
            > 2 * routerConfig().gateway().stopTimeout().toSeconds());
  }

  @Test
  void onlyTheMonitorMayAskKubernetesAndItsRoleIsAboutTheTiers() {
    for (Map.Entry<String, PodTemplateSpec> one : templates().entrySet()) {
      PodSpec pod = one.getValue().getSpec();
      boolean isMonitor = one.getKey().equals("Deployment trellis-monitor");
      assertEquals(isMonitor, pod.getAutomountServiceAccountToken(), one.getKey());
      assertEquals(isMonitor ? "trellis-monitor" : null, pod.getServiceAccountName(), one.getKey());
    }
    RoleBinding binding = named(RoleBinding.class, "trellis-monitor");
    Role role = named(Role.class, binding.getRoleRef().getName());
    assertEquals(1, binding.getSubjects().size());
    assertEquals(
        "trellis-monitor",
        named(ServiceAccount.class, binding.getSubjects().getFirst().getName())
            .getMetadata()
            .getName());
    assertEquals(
        all(StatefulSet.class).stream()
            .map(set -> set.getMetadata().getName())
            .collect(Collectors.toSet()),
        new HashSet<>(role.getRules().getFirst().getResourceNames()));
  }

  /// The environment of the first pod of a StatefulSet, or any of a Deployment.
  private static Map<String, String> environment(Container container, String pod) {
    Map<String, String> environment = new HashMap<>();
    for (EnvVar variable : container.getEnv()) {
      String value = variable.getValue();
      if (variable.getValueFrom() != null) {
        String path = variable.getValueFrom().getFieldRef().getFieldPath();
        value =
            switch (path) {
              case "metadata.name" -> pod;
              case "metadata.namespace" -> "trellis";
              default -> "";
            };
      }
      for (Map.Entry<String, String> known : environment.entrySet()) {
        value = value.replace("$(" + known.getKey() + ")", known.getValue());
      }
      environment.put(variable.getName(), value);
    }
    // Which is mounted there: see SecuritySettingsTest.
    environment.put("TRELLIS_SECRETS_FOLDER", Tree.ROOT.toString());
    return environment;
  }

  private static String configMap(String name) {
    return named(ConfigMap.class, "trellis-" + name + "-config")
        .getData()
        .values()
        .iterator()
        .next();
  }

  private static NodeConfig nodeConfig(String tier) {
    return nodeConfig(tier, configMap(tier));
  }

  private static NodeConfig nodeConfig(String tier, String text) {
    StatefulSet set = named(StatefulSet.class, "trellis-" + tier);
    Container container = container(set.getSpec().getTemplate().getSpec());
    return NodeConfig.of(
        StrictConfig.ofText(
            NodeConfig.reference(), text, environment(container, "trellis-" + tier + "-0")));
  }

  private static RouterConfig routerConfig() {
    Deployment set = named(Deployment.class, "trellis-router");
    Container container = container(set.getSpec().getTemplate().getSpec());
    return RouterConfig.of(
        StrictConfig.ofText(
            RouterConfig.reference(),
            configMap("router"),
            environment(container, "trellis-router-7d9f")));
  }

  @Test
  void theSettingsOfNodesAreLegalAndFitTheirPods() {
    for (String tier : List.of("memory", "ssd")) {
      NodeConfig config = nodeConfig(tier);
      StatefulSet set = named(StatefulSet.class, "trellis-" + tier);
      PodSpec pod = set.getSpec().getTemplate().getSpec();
      Container container = container(pod);
      assertEquals("trellis-" + tier + "-0", config.nodeId());
      assertEquals(
          Optional.of("trellis-" + tier + "-0.trellis-" + tier + ".trellis.svc"),
          config.listen().advertise());
      assertEquals(tier, config.storage().tier().word());
      assertEquals("", config.cluster().zone());
      Map<String, Integer> ports =
          container.getPorts().stream()
              .collect(Collectors.toMap(ContainerPort::getName, ContainerPort::getContainerPort));
      assertEquals(Optional.of(ports.get("control")), config.cluster().controlPort());
      assertEquals(ports.get("admin"), config.listen().adminPort());
      assertEquals(List.of(ports.get("data"), ports.get("data-1")), config.listen().dataPorts());
      String folder = config.storage().folder().orElseThrow().toString();
      assertTrue(
          container.getVolumeMounts().stream()
              .anyMatch(
                  mount -> mount.getMountPath().equals(folder) && mount.getName().equals("data")));
      assertEquals(List.of("trellis-memory:7500", "trellis-ssd:7500"), config.cluster().seeds());
    }
    Quantity memory =
        container(named(StatefulSet.class, "trellis-memory").getSpec().getTemplate().getSpec())
            .getResources()
            .getLimits()
            .get("memory");
    long bytes = Quantity.getAmountInBytes(memory).longValueExact();
    // A quarter is the heap's, and connections and the JVM itself take some.
    assertTrue(nodeConfig("memory").storage().memoryBytesMax() <= bytes * 5 / 8);
    Quantity disk =
        named(StatefulSet.class, "trellis-ssd")
            .getSpec()
            .getVolumeClaimTemplates()
            .getFirst()
            .getSpec()
            .getResources()
            .getRequests()
            .get("storage");
    assertTrue(
        nodeConfig("ssd").storage().diskBytesMax().orElseThrow()
            <= Quantity.getAmountInBytes(disk).longValueExact() * 85 / 100);
  }

  @Test
  void aNodeThatHasLeftRemembersThatAsLongAsItsPodIsThere() {
    for (String tier : List.of("memory", "ssd")) {
      StrictConfig settings =
          StrictConfig.ofText(NodeConfig.reference(), configMap(tier), Map.of());
      String file = settings.text("leave.file");
      PodSpec pod = named(StatefulSet.class, "trellis-" + tier).getSpec().getTemplate().getSpec();
      VolumeMount mount =
          container(pod).getVolumeMounts().stream()
              .filter(one -> file.startsWith(one.getMountPath() + "/"))
              .findFirst()
              .orElseThrow();
      Volume volume =
          pod.getVolumes().stream()
              .filter(one -> one.getName().equals(mount.getName()))
              .findFirst()
              .orElseThrow();
      assertTrue(volume.getEmptyDir() != null, () -> file + " is on " + volume);
    }
  }

  @Test
  void theSettingsOfTheExampleAreLegal() {
    String text = Tree.read(EXAMPLE.resolve("memory.conf"));
    NodeConfig larger = nodeConfig("memory", text);
    assertEquals(10L << 30, larger.storage().memoryBytesMax());
    assertEquals(nodeConfig("memory").cluster(), larger.cluster());
  }

  @Test
  void theSettingsOfRoutersAreLegalAndFitTheirPods() {
    RouterConfig config = routerConfig();
    assertEquals("trellis-router-7d9f", config.lookup().routerId());
    Set<Integer> ports =
        container(named(Deployment.class, "trellis-router").getSpec().getTemplate().getSpec())
            .getPorts()
            .stream()
            .map(ContainerPort::getContainerPort)
            .collect(Collectors.toSet());
    assertEquals(
        ports,
        Set.of(
            config.lookup().address().getPort(),
            config.admin().getPort(),
            config.gateway().address().getPort()));
    for (String tier : List.of("memory", "ssd")) {
      int data = nodeConfig(tier).listen().dataPorts().getFirst();
      assertTrue(
          config.lookup().nodes().toString().contains("trellis-" + tier + ":" + data),
          () -> config.lookup().nodes().toString());
      Service service = named(Service.class, "trellis-" + tier);
      assertTrue(service.getSpec().getPorts().stream().anyMatch(port -> port.getPort() == data));
    }
  }

  @Test
  void theServiceMonitorFindsAnAdminPortOfEveryService() {
    Map<String, Object> monitor =
        Manifests.plain(KUBERNETES.resolve("components/prometheus/servicemonitor.yaml"));
    assertEquals("monitoring.coreos.com/v1", monitor.get("apiVersion"));
    assertEquals(Set.of("apiVersion", "kind", "metadata", "spec"), monitor.keySet());
    Map<?, ?> spec = (Map<?, ?>) monitor.get("spec");
    assertEquals(Set.of("selector", "jobLabel", "endpoints"), spec.keySet());
    Map<?, ?> endpoint = (Map<?, ?>) Manifests.list(spec.get("endpoints")).getFirst();
    assertEquals(
        Set.of("port", "path", "interval", "scheme", "authorization", "tlsConfig", "relabelings"),
        endpoint.keySet());
    assertEquals("https", endpoint.get("scheme"));
    Map<?, ?> selector = (Map<?, ?>) ((Map<?, ?>) spec.get("selector")).get("matchLabels");
    for (Service service : all(Service.class)) {
      assertTrue(
          service.getMetadata().getLabels().entrySet().containsAll(selector.entrySet()),
          () -> nameOf(service));
      assertTrue(
          service.getSpec().getPorts().stream()
              .anyMatch(port -> port.getName().equals(endpoint.get("port"))),
          () -> nameOf(service));
    }
    Map<?, ?> labels =
        (Map<?, ?>)
            Manifests.list(Manifests.plain(BASE.resolve("kustomization.yaml")).get("labels"))
                .getFirst();
    assertEquals(Map.of(spec.get("jobLabel"), "trellis"), labels.get("pairs"));
  }

  @Test
  void everyPodHasItsSecretsInFilesThatItCannotChangeAndNowhereElse() {
    Map<String, String> expected =
        Map.of(
            "StatefulSet trellis-memory", "trellis-node-secrets",
            "StatefulSet trellis-ssd", "trellis-node-secrets",
            "Deployment trellis-router", "trellis-router-secrets",
            "Deployment trellis-monitor", "trellis-monitor-secrets");
    assertEquals(expected.keySet(), templates().keySet());
    templates()
        .forEach(
            (name, template) -> {
              PodSpec pod = template.getSpec();
              List<Volume> secrets =
                  pod.getVolumes().stream().filter(volume -> volume.getSecret() != null).toList();
              assertEquals(1, secrets.size(), name);
              assertEquals(expected.get(name), secrets.getFirst().getSecret().getSecretName());
              assertEquals(0440, secrets.getFirst().getSecret().getDefaultMode(), name);
              assertEquals(
                  pod.getSecurityContext().getRunAsGroup(),
                  pod.getSecurityContext().getFsGroup(),
                  "who may read them");
              VolumeMount mount =
                  container(pod).getVolumeMounts().stream()
                      .filter(one -> one.getName().equals(secrets.getFirst().getName()))
                      .findFirst()
                      .orElseThrow();
              assertTrue(mount.getReadOnly(), name);
              assertEquals("/etc/trellis-secrets", mount.getMountPath(), name);
              for (EnvVar variable : container(pod).getEnv()) {
                assertTrue(
                    variable.getValueFrom() == null
                        || variable.getValueFrom().getSecretKeyRef() == null,
                    () -> name + " has a secret in " + variable.getName());
              }
            });
    for (ConfigMap map : all(ConfigMap.class)) {
      map.getData()
          .values()
          .forEach(
              text ->
                  assertTrue(
                      text.contains("\nsecrets.folder = /etc/trellis-secrets\n"),
                      () -> nameOf(map)));
    }
  }

  @Test
  void imagesAreThoseThatTheBuildMakes() {
    Stream<String> images = pods().stream().map(pod -> container(pod).getImage());
    assertEquals(Set.of("trellis:latest"), images.collect(Collectors.toSet()));
    String pom = Tree.read(Tree.DEPLOY.resolve("launcher/pom.xml"));
    assertTrue(pom.contains("<image.name>trellis:latest</image.name>"));
    for (PodSpec pod : pods()) {
      String user =
          pod.getSecurityContext().getRunAsUser() + ":" + pod.getSecurityContext().getRunAsGroup();
      assertTrue(pom.contains("<user>" + user + "</user>"), user);
    }
  }
}
