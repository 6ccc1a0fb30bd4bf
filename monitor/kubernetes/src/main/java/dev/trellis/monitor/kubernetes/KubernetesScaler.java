package dev.trellis.monitor.kubernetes;

import dev.trellis.monitor.scaler.NodeDrain;
import dev.trellis.monitor.scaler.NodeDrain.Standing;
import dev.trellis.monitor.scaler.Scaler;
import dev.trellis.wire.NodeDescriptor.Tier;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Scales the StatefulSet of each tier, and has nodes leave before their pods end; [TierState]
/// tells how. All that it knows stands in the StatefulSet, and is changed only as it was read, so
/// several of these at work on one do no harm: the one with the lower epoch is refused.
///
/// What is asked of Kubernetes is to get and to update these two StatefulSets, no more.
public final class KubernetesScaler implements Scaler {
  private static final Logger LOG = LoggerFactory.getLogger(KubernetesScaler.class);
  static final String NAME = "kubernetes";

  /// How often what somebody else changed meanwhile is read again, within one order.
  private static final int CONFLICTS_MAX = 3;

  private final KubernetesClient client;
  private final String namespace;
  private final Map<Tier, String> names;
  private final NodeDrain drain;

  /// @param client is closed with the scaler; must not repeat what failed by itself for long
  /// @param names of the StatefulSets
  KubernetesScaler(
      KubernetesClient client, String namespace, Map<Tier, String> names, NodeDrain drain) {
    this.client = client;
    this.namespace = namespace;
    this.names = Map.copyOf(names);
    this.drain = drain;
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Answer scale(Target target) {
    String name = names.get(target.tier());
    if (name == null || target.nodes() < 0) {
      return new Answer.Refused("nobody can have " + target.nodes() + " nodes of " + target.tier());
    }
    try {
      for (int conflicts = 0; conflicts < CONFLICTS_MAX; conflicts++) {
        Optional<Answer> answer = attempt(name, target);
        if (answer.isPresent()) {
          return answer.get();
        }
      }
      return new Answer.Failed(
          named(name) + " was changed by others each of " + CONFLICTS_MAX + " times");
    } catch (KubernetesClientException e) {
      return new Answer.Failed(named(name) + ": " + reason(e));
    } catch (IllegalArgumentException e) {
      return new Answer.Failed(String.valueOf(e.getMessage()));
    } catch (IOException e) {
      return new Answer.Failed(
          "nobody tells which nodes of "
              + named(name)
              + " have handed over what they hold: "
              + e.getMessage());
    }
  }

  /// One step towards the target; empty if the StatefulSet was changed by somebody else meanwhile.
  private Optional<Answer> attempt(String name, Target target) throws IOException {
    StatefulSet set = client.apps().statefulSets().inNamespace(namespace).withName(name).get();
    if (set == null) {
      return Optional.of(
          new Answer.Failed(
              "there is no "
                  + named(name)
                  + "; create it, or name another one in kubernetes.statefulset."
                  + target.tier().word()));
    }
    TierState now = TierState.of(set);
    if (now.epoch() > target.epoch()) {
      return Optional.of(
          new Answer.Refused(
              "epoch "
                  + target.epoch()
                  + " is over: a monitor of epoch "
                  + now.epoch()
                  + " has scaled "
                  + named(name)));
    }
    Set<String> inQuestion = now.inQuestion(target.nodes());
    Map<String, Standing> standings = inQuestion.isEmpty() ? Map.of() : drain.standings(inQuestion);
    TierState next = now.next(target.nodes(), target.epoch(), standings);
    // Noted before anybody is told to leave: whoever goes on from here must know.
    if (!next.equals(now) && !update(next.writtenTo(set))) {
      return Optional.empty();
    }
    if (next.replicas() != now.replicas()) {
      LOG.info("{} goes from {} to {} replicas", named(name), now.replicas(), next.replicas());
    }
    return Optional.of(
        tell(next.toBeTold(standings), target.epoch())
            .orElseGet(() -> new Answer.Taken(next.progress(target.tier()))));
  }

  /// Writes it as it is, if nobody has changed it since it was read.
  private boolean update(StatefulSet changed) {
    try {
      var _ = client.resource(changed).inNamespace(namespace).update();
      return true;
    } catch (KubernetesClientException e) {
      if (e.getCode() == HttpURLConnection.HTTP_CONFLICT) {
        return false;
      }
      throw e;
    }
  }

  /// Tells nodes to leave: all of them, also if one does not listen.
  private Optional<Answer> tell(Set<String> nodeIds, long epoch) {
    Optional<Answer> problem = Optional.empty();
    for (String nodeId : nodeIds) {
      try {
        drain.leave(nodeId, epoch);
        LOG.info("node {} is told to leave", nodeId);
      } catch (IOException e) {
        problem =
            Optional.of(new Answer.Failed("node " + nodeId + " does not leave: " + e.getMessage()));
      }
    }
    return problem;
  }

  private String named(String name) {
    return "StatefulSet " + name + " in namespace " + namespace;
  }

  private static String reason(KubernetesClientException e) {
    String message = String.valueOf(e.getMessage()).replaceAll("\\s+", " ");
    return e.getCode() > 0
        ? "Kubernetes answers " + e.getCode() + ": " + message
        : "Kubernetes does not answer: " + message;
  }

  @Override
  public void close() {
    client.close();
  }
}
