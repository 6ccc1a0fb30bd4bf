package dev.trellis.integration.deployment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.node.config.NodeConfig;
import dev.trellis.process.StrictConfig;
import dev.trellis.routing.RouterConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

/// The Compose file by the rules of its specification that it uses: no more keys than these.
class ComposeFileTest {
  private static final Path COMPOSE = Tree.DEPLOY.resolve("compose");

  private static final Set<String> SERVICE_KEYS =
      Set.of(
          "image",
          "restart",
          "stop_grace_period",
          "read_only",
          "tmpfs",
          "cap_drop",
          "security_opt",
          "command",
          "configs",
          "environment",
          "volumes",
          "ports",
          "depends_on",
          "user",
          "profiles");

  private final Map<String, Object> file =
      new Yaml(new SafeConstructor(new LoaderOptions()))
          .load(Tree.read(COMPOSE.resolve("docker-compose.yml")));

  @SuppressWarnings("unchecked")
  private static Map<String, Object> map(Object value) {
    return (Map<String, Object>) value;
  }

  private Map<String, Map<String, Object>> services() {
    Map<String, Map<String, Object>> services = new TreeMap<>();
    map(file.get("services")).forEach((name, service) -> services.put(name, map(service)));
    return services;
  }

  @Test
  void everyKeyIsOneThatComposeHas() {
    Set<String> top = new HashSet<>(file.keySet());
    top.removeIf(key -> key.startsWith("x-"));
    assertEquals(Set.of("name", "services", "configs", "volumes"), top);
    services()
        .forEach(
            (name, service) ->
                assertTrue(
                    SERVICE_KEYS.containsAll(service.keySet()), () -> name + ": " + service));
  }

  @Test
  void whatServicesNameIsThere() {
    Map<String, Object> configs = map(file.get("configs"));
    configs.forEach(
        (name, config) ->
            assertTrue(
                Files.isRegularFile(COMPOSE.resolve((String) map(config).get("file"))), name));
    services()
        .forEach(
            (name, service) -> {
              for (Object config : Manifests.list(service.get("configs"))) {
                assertTrue(configs.containsKey(map(config).get("source")), name);
                List<?> command = Manifests.list(service.get("command"));
                assertEquals(map(config).get("target"), command.getLast(), name);
              }
              for (Object other : Manifests.list(service.get("depends_on"))) {
                assertTrue(services().containsKey(other), name);
              }
              for (Object volume : Manifests.list(service.get("volumes"))) {
                String source = ((String) volume).split(":", 2)[0];
                assertTrue(
                    source.startsWith("./secrets/") || map(file.get("volumes")).containsKey(source),
                    name);
              }
            });
  }

  @Test
  void everyServiceHasItsOwnSecretsAndCannotChangeThem() {
    services()
        .forEach(
            (name, service) -> {
              String folder =
                  name.contains("-") ? "nodes/" + name : name; // as security init calls them
              assertTrue(
                  Manifests.list(service.get("volumes"))
                      .contains("./secrets/" + folder + ":/etc/trellis-secrets:ro"),
                  name);
              assertEquals(true, service.get("read_only"), name);
              assertEquals(List.of("ALL"), service.get("cap_drop"), name);
              // Netty, BoringSSL and LMDB unpack what they run there; Docker mounts it noexec.
              assertEquals(List.of("/tmp:exec"), service.get("tmpfs"), name);
            });
    String ignored = Tree.read(Tree.ROOT.resolve(".gitignore"));
    assertTrue(ignored.contains("deploy/compose/secrets/"), "they are not to be published");
  }

  @Test
  void onlyThisMachineReachesWhatIsPublished() {
    services()
        .forEach(
            (name, service) ->
                Manifests.list(service.get("ports"))
                    .forEach(port -> assertTrue(((String) port).startsWith("127.0.0.1:"), name)));
  }

  @Test
  void theSettingsAreLegalAndTheirSeedsAreServices() {
    int nodes = 0;
    for (Map.Entry<String, Map<String, Object>> one : services().entrySet()) {
      Map<String, String> environment = new HashMap<>();
      map(one.getValue().getOrDefault("environment", Map.of()))
          .forEach((name, value) -> environment.put(name, String.valueOf(value)));
      environment.put("TRELLIS_SECRETS_FOLDER", Tree.ROOT.toString());
      String command = String.valueOf(one.getValue().get("command"));
      if (command.contains("node.conf")) {
        nodes++;
        NodeConfig config =
            NodeConfig.of(
                StrictConfig.read(
                    NodeConfig.reference(), COMPOSE.resolve("node.conf"), environment));
        assertEquals(one.getKey(), config.nodeId());
        assertEquals(one.getKey(), config.listen().advertised());
        assertTrue(one.getKey().startsWith(config.storage().tier().word()));
        config
            .cluster()
            .seeds()
            .forEach(seed -> assertTrue(services().containsKey(seed.split(":", 2)[0]), seed));
        assertFalse(config.cluster().seeds().isEmpty());
      } else if (command.contains("router.conf")) {
        RouterConfig config =
            RouterConfig.of(
                StrictConfig.read(
                    RouterConfig.reference(), COMPOSE.resolve("router.conf"), environment));
        config
            .lookup()
            .nodes()
            .forEach(node -> assertTrue(services().containsKey(node.host()), node::toString));
        assertEquals(
            List.of("127.0.0.1:7480:" + config.gateway().address().getPort()),
            one.getValue().get("ports"));
      }
    }
    assertEquals(3, nodes);
  }
}
