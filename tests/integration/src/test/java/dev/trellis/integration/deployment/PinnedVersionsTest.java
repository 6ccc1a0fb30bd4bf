package dev.trellis.integration.deployment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/// What is built today is built tomorrow: of every library and plugin there is one version, and it
/// stands in the root's `pom.xml`.
class PinnedVersionsTest {
  private static final Pattern PINNED = Pattern.compile("[0-9A-Za-z][0-9A-Za-z._-]*");

  private static List<Path> poms() {
    return Tree.files(Tree.ROOT, "pom.xml").stream()
        .filter(file -> !Tree.ROOT.relativize(file).toString().contains("target/"))
        .toList();
  }

  private static Element parse(Path pom) throws Exception {
    return DocumentBuilderFactory.newInstance()
        .newDocumentBuilder()
        .parse(pom.toFile())
        .getDocumentElement();
  }

  private static List<Element> all(Element root, String tag) {
    var found = root.getElementsByTagName(tag);
    return IntStream.range(0, found.getLength()).mapToObj(at -> (Element) found.item(at)).toList();
  }

  private static Optional<String> child(Element element, String name) {
    for (Node node = element.getFirstChild(); node != null; node = node.getNextSibling()) {
      if (node.getNodeName().equals(name)) {
        return Optional.of(node.getTextContent().strip());
      }
    }
    return Optional.empty();
  }

  private static Map<String, String> properties(Element root) {
    Map<String, String> properties = new HashMap<>();
    for (Element section : all(root, "properties")) {
      for (Node node = section.getFirstChild(); node != null; node = node.getNextSibling()) {
        properties.put(node.getNodeName(), node.getTextContent().strip());
      }
    }
    return properties;
  }

  /// What is wrong with versions in a file, or nothing.
  private static List<String> unpinned(Path pom, Map<String, String> properties) throws Exception {
    List<String> wrong = new ArrayList<>();
    Element root = parse(pom);
    Stream.of("dependency", "plugin", "path")
        .flatMap(tag -> all(root, tag).stream())
        .forEach(
            element -> {
              Optional<String> given = child(element, "version");
              if (given.isEmpty()) {
                return; // Maven looks for one in the root, and fails where there is none
              }
              String version = given.get();
              if (version.startsWith("${")) {
                version = properties.getOrDefault(version.substring(2, version.length() - 1), "");
              }
              if (given.get().equals("${project.version}")) {
                return;
              }
              if (!PINNED.matcher(version).matches()
                  || version.matches("LATEST|RELEASE|.*SNAPSHOT.*")) {
                wrong.add(
                    pom + ": " + child(element, "artifactId").orElse("?") + " " + given.get());
              }
            });
    return wrong;
  }

  @Test
  void everyVersionIsOneVersion() throws Exception {
    Map<String, String> properties = properties(parse(Tree.ROOT.resolve("pom.xml")));
    List<String> wrong = new ArrayList<>();
    for (Path pom : poms()) {
      wrong.addAll(unpinned(pom, properties));
    }
    assertEquals(List.of(), wrong);
    assertTrue(poms().size() > 20);
  }

  @Test
  void whatHasNoVersionInItsPlaceHasOneInTheRoot() throws Exception {
    Element root = parse(Tree.ROOT.resolve("pom.xml"));
    List<String> managed =
        all(all(root, "pluginManagement").getFirst(), "plugin").stream()
            .filter(plugin -> child(plugin, "version").isPresent())
            .flatMap(plugin -> child(plugin, "artifactId").stream())
            .toList();
    for (Path pom : poms()) {
      for (Element plugin : all(parse(pom), "plugin")) {
        String name = child(plugin, "artifactId").orElseThrow();
        assertTrue(
            managed.contains(name) || child(plugin, "version").isPresent(),
            () -> pom + " uses " + name + " of no particular version");
      }
    }
  }
}
