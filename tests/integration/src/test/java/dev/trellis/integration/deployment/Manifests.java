package dev.trellis.integration.deployment;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/// Kubernetes' objects in YAML, read with its models, which take what they do not know without a
/// word: [#unknownFields] finds it.
final class Manifests {
  private static final KubernetesSerialization SERIALIZATION = new KubernetesSerialization();
  private static final Pattern SEPARATOR = Pattern.compile("^---$", Pattern.MULTILINE);

  private Manifests() {}

  /// The objects of a file.
  static List<HasMetadata> read(Path file) {
    return parse(Tree.read(file));
  }

  /// The objects of a text of several documents.
  static List<HasMetadata> parse(String text) {
    List<HasMetadata> objects = new ArrayList<>();
    for (String document : SEPARATOR.splitAsStream(text).toList()) {
      if (document.lines().anyMatch(line -> !line.isBlank() && !line.startsWith("#"))) {
        objects.add(SERIALIZATION.<HasMetadata>unmarshal(document));
      }
    }
    return objects;
  }

  /// A document of no kind of Kubernetes' own, as maps and lists.
  static Map<String, Object> plain(Path file) {
    @SuppressWarnings("unchecked")
    Map<String, Object> read = SERIALIZATION.unmarshal(Tree.read(file), Map.class);
    return read;
  }

  /// The objects of a folder with a `kustomization.yaml`, as it names them, its ConfigMaps with
  /// their files' texts among them; patches and what else is changed are left out.
  static List<HasMetadata> ofKustomization(Path folder) {
    Map<String, Object> kustomization = plain(folder.resolve("kustomization.yaml"));
    List<HasMetadata> objects = new ArrayList<>();
    for (Object resource : list(kustomization.get("resources"))) {
      objects.addAll(read(folder.resolve((String) resource)));
    }
    for (Object generator : list(kustomization.get("configMapGenerator"))) {
      objects.add(generated(folder, (Map<?, ?>) generator));
    }
    return objects;
  }

  private static ConfigMap generated(Path folder, Map<?, ?> generator) {
    ConfigMapBuilder map =
        new ConfigMapBuilder()
            .withNewMetadata()
            .withName((String) generator.get("name"))
            .endMetadata();
    for (Object file : list(generator.get("files"))) {
      String[] keyAndPath = ((String) file).split("=", 2);
      map.addToData(keyAndPath[0], Tree.read(folder.resolve(keyAndPath[1])));
    }
    return map.build();
  }

  static List<?> list(Object value) {
    return value == null ? List.of() : (List<?>) value;
  }

  /// The paths of all fields that the model of an object does not have.
  static List<String> unknownFields(HasMetadata object) {
    List<String> unknown = new ArrayList<>();
    String kind = object.getKind() + " " + object.getMetadata().getName();
    if (object instanceof GenericKubernetesResource) {
      unknown.add(kind + ": the kind");
    } else {
      collect(object, kind, unknown);
    }
    return unknown;
  }

  private static void collect(Object value, String path, List<String> unknown) {
    if (value instanceof Collection<?> all) {
      int at = 0;
      for (Object one : all) {
        collect(one, path + "[" + at++ + "]", unknown);
      }
    } else if (value instanceof Map<?, ?> map) {
      map.forEach((key, one) -> collect(one, path + "." + key, unknown));
    } else if (value != null
        && !value.getClass().isEnum()
        && value.getClass().getName().startsWith("io.fabric8.")) {
      for (Method method : value.getClass().getMethods()) {
        if (!method.getName().startsWith("get")
            || method.getParameterCount() > 0
            || method.getDeclaringClass() == Object.class) {
          continue;
        }
        Optional<Object> inner = call(method, value);
        if (inner.isEmpty() || inner.get().getClass().isArray()) {
          continue;
        }
        if (method.getName().equals("getAdditionalProperties")) {
          ((Map<?, ?>) inner.get()).keySet().forEach(key -> unknown.add(path + "." + key));
        } else {
          collect(inner.get(), path + "." + method.getName().substring(3), unknown);
        }
      }
    }
  }

  private static Optional<Object> call(Method method, Object target) {
    try {
      return Optional.ofNullable(method.invoke(target));
    } catch (IllegalAccessException | InvocationTargetException e) {
      throw new LinkageError(method.toString(), e);
    }
  }
}
