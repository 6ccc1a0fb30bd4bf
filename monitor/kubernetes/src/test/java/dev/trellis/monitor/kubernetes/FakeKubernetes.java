package dev.trellis.monitor.kubernetes;

import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.apps.StatefulSetBuilder;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.http.BasicBuilder;
import io.fabric8.kubernetes.client.http.HttpRequest;
import io.fabric8.kubernetes.client.http.Interceptor;
import io.fabric8.kubernetes.client.server.mock.KubernetesCrudDispatcher;
import io.fabric8.kubernetes.client.server.mock.KubernetesMockServer;
import io.fabric8.mockwebserver.Context;
import io.fabric8.mockwebserver.MockWebServer;
import io.fabric8.mockwebserver.http.Dispatcher;
import io.fabric8.mockwebserver.http.MockResponse;
import io.fabric8.mockwebserver.http.RecordedRequest;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Level;
import java.util.logging.Logger;

/// fabric8's server, with what it lacks: a controller of StatefulSets, which tests call when it is
/// to have done its work; answers that go wrong; and a list of what it was asked.
final class FakeKubernetes implements AutoCloseable {
  static final String NAMESPACE = "tests";

  /// Tells each request otherwise. Held, as levels of loggers that nobody holds are forgotten.
  private static final Logger SERVER_LOG = Logger.getLogger(MockWebServer.class.getName());

  static {
    SERVER_LOG.setLevel(Level.WARNING);
  }

  /// A call, such as `PUT /apis/apps/v1/namespaces/tests/statefulsets/trellis-memory`.
  record Call(String method, String path) {}

  private final KubernetesCrudDispatcher objects = new KubernetesCrudDispatcher();
  private final List<Call> calls = new CopyOnWriteArrayList<>(); // of all but the test itself
  private final Queue<Runnable> beforeUpdates = new ArrayDeque<>();
  private final Queue<Integer> failures = new ConcurrentLinkedQueue<>();
  private final Queue<Integer> updateFailures = new ConcurrentLinkedQueue<>();
  private final KubernetesMockServer server =
      new KubernetesMockServer(
          new Context(), new MockWebServer(), new HashMap<>(), new Answering(), false);
  private final KubernetesClient own;
  private volatile boolean isOwn; // whether the test itself is calling

  private final class Answering extends Dispatcher {
    @Override
    public MockResponse dispatch(RecordedRequest request) {
      if (isOwn) {
        return objects.dispatch(request);
      }
      calls.add(new Call(request.getMethod(), request.getPath()));
      boolean isUpdate = request.getMethod().equals("PUT");
      Integer failure =
          isUpdate && !updateFailures.isEmpty() ? updateFailures.poll() : failures.poll();
      if (failure != null) {
        return failed(failure);
      }
      return objects.dispatch(request);
    }
  }

  private static MockResponse failed(int status) {
    return new MockResponse()
        .setResponseCode(status)
        .setHeader("Content-Type", "application/json")
        .setBody(
            """
            {"kind":"Status","apiVersion":"v1","status":"Failure","code":%d,
             "message":"the test says so"}
            """
                .formatted(status));
  }

  FakeKubernetes() {
    server.init();
    own = server.createClient();
  }

  /// How a client reaches it.
  Config config() {
    return new ConfigBuilder(own.getConfiguration()).withNamespace(NAMESPACE).build();
  }

  /// A client as a scaler has it.
  KubernetesClientBuilder client(Config config) {
    return new KubernetesClientBuilder()
        .withConfig(config)
        .withHttpClientBuilderConsumer(
            http ->
                http.addOrReplaceInterceptor(
                    "before updates",
                    new Interceptor() {
                      @Override
                      public void before(
                          BasicBuilder builder, HttpRequest request, RequestTags tags) {
                        Runnable change =
                            request.method().equals("PUT") ? beforeUpdates.poll() : null;
                        if (change != null) {
                          change.run();
                        }
                      }
                    }));
  }

  /// What everybody but the test has asked so far.
  List<Call> calls() {
    return List.copyOf(calls);
  }

  /// The next calls are answered with these statuses.
  void failNext(int... statuses) {
    for (int status : statuses) {
      failures.add(status);
    }
  }

  /// The next update is answered with this status.
  void failNextUpdate(int status) {
    updateFailures.add(status);
  }

  /// Has somebody else change a StatefulSet just before the next update arrives, and so on.
  void beforeNextUpdate(Runnable change) {
    beforeUpdates.add(change);
  }

  /// A StatefulSet as it was applied, before any monitor touched it.
  void create(String name, int replicas) {
    create(
        new StatefulSetBuilder()
            .withNewMetadata()
            .withName(name)
            .endMetadata()
            .withNewSpec()
            .withReplicas(replicas)
            .endSpec()
            .build());
  }

  void create(StatefulSet set) {
    asTest(() -> own.resource(set).inNamespace(NAMESPACE).create());
  }

  void delete(String name) {
    asTest(() -> own.apps().statefulSets().inNamespace(NAMESPACE).withName(name).delete());
  }

  StatefulSet read(String name) {
    List<StatefulSet> read = new ArrayList<>();
    asTest(() -> read.add(own.apps().statefulSets().inNamespace(NAMESPACE).withName(name).get()));
    return read.getFirst();
  }

  int replicas(String name) {
    return read(name).getSpec().getReplicas();
  }

  String annotation(String name, String key) {
    return read(name).getMetadata().getAnnotations().get(key);
  }

  /// The controller has seen the number of replicas: so many pods are there, and so many ready.
  void control(String name, int existing, int ready) {
    StatefulSet set = read(name);
    Long generation = set.getMetadata().getGeneration();
    StatefulSet changed =
        new StatefulSetBuilder(set)
            .withNewStatus()
            .withObservedGeneration(generation == null ? 0 : generation)
            .withReplicas(existing)
            .withReadyReplicas(ready)
            .endStatus()
            .build();
    asTest(() -> own.resource(changed).inNamespace(NAMESPACE).updateStatus());
  }

  /// The controller is done: all pods are there and ready, and no others.
  void settle(String name) {
    control(name, replicas(name), replicas(name));
  }

  /// Somebody who is no monitor changes the number of replicas.
  void scaleByHand(String name, int replicas) {
    StatefulSet changed =
        new StatefulSetBuilder(read(name)).editSpec().withReplicas(replicas).endSpec().build();
    asTest(() -> own.resource(changed).inNamespace(NAMESPACE).update());
  }

  /// What the server is asked meanwhile is asked by the test; it is only ever asked one thing at a
  /// time.
  private void asTest(Runnable work) {
    boolean before = isOwn;
    isOwn = true;
    try {
      work.run();
    } finally {
      isOwn = before;
    }
  }

  @Override
  public void close() {
    own.close();
    server.destroy();
  }
}
